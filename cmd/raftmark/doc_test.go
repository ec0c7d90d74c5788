package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench"
)

// repository is the root, from this package's directory.
const repository = "../.."

// foreign are programs in the documentation that are not of this module: they are not run, and need not be installed.
// What is shown of raftmark-peers is tried in its own module.
var foreign = map[string]bool{
	"raftmark-peers": true, "bin/raftmark-peers": true,
	"git": true, "cd": true, "redis-cli": true, "redis-benchmark": true, "curl": true, "benchstat": true,
}

// TestDocumentedCommands tries every command that the documentation shows: each line that starts with "$ " in a console
// block of a Markdown file, or in a package comment.
//
//	raftmark ...    parsed by the real command tree: command, flags, number of arguments. A scenario that is named is
//	                loaded, an axis is applied to it. What ends at once (help, version, list) is run.
//	make ...        run with -n, so that the target and its variables must exist
//	go test ...     its packages must exist
//	.ci/run ...     the file and its steps must exist
//
// The long ones are not run to their end here: make bench and make test are what continuous integration runs, at toy
// size and in full.
func TestDocumentedCommands(t *testing.T) {
	commands := documentedCommands(t)
	seen := map[string]bool{}
	for _, c := range commands {
		t.Run(c.place+" "+c.text, func(t *testing.T) {
			for _, words := range simpleCommands(c.text) {
				seen[words[0]] = true
				tryCommand(t, words)
			}
		})
	}
	for _, want := range []string{"make", "raftmark"} {
		if !seen[want] {
			t.Errorf("no documented command starts with %q: the search has lost its way", want)
		}
	}
}

func tryCommand(t *testing.T, words []string) {
	t.Helper()
	switch name, args := words[0], words[1:]; {
	case name == "raftmark":
		tryRaftmark(t, args)
	case name == "make":
		tryMake(t, args)
	case name == "go":
		tryGo(t, args)
	case name == ".ci/run":
		tryGate(t, args)
	case !foreign[name]:
		t.Errorf("nobody knows how to try %q", name)
	}
}

// tryRaftmark parses args as the program would, and runs what ends at once.
func tryRaftmark(t *testing.T, args []string) {
	t.Helper()
	cmd, rest, err := newRootCommand().Find(args)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(rest); err != nil && !strings.Contains(err.Error(), "help requested") {
		t.Fatal(err)
	}
	positional := cmd.Flags().Args()
	if err := cmd.ValidateArgs(positional); err != nil {
		t.Fatal(err)
	}
	if err := cmd.ValidateRequiredFlags(); err != nil {
		t.Fatal(err)
	}
	help := cmd.Flags().Changed("help")
	if cmd.Name() == "bench" && !help {
		axes, err := cmd.Flags().GetStringArray("axis")
		if err != nil {
			t.Fatal(err)
		}
		tryScenarios(t, positional, axes)
	}
	if help || cmd.Name() == "list" || cmd.Name() == "help" || !cmd.HasParent() {
		var stdout, stderr strings.Builder
		if code := run(t.Context(), args, &stdout, &stderr); code != 0 || stdout.Len() == 0 {
			t.Errorf("exit code %d, standard output of %d bytes, standard error %q", code, stdout.Len(), stderr.String())
		}
	}
}

// tryScenarios loads the built-in scenarios named and applies the axes. Files are examples that the reader writes.
func tryScenarios(t *testing.T, names, axes []string) {
	t.Helper()
	for _, name := range names {
		if strings.HasSuffix(name, ".yaml") {
			continue
		}
		scenario, err := bench.LoadScenario(name)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, axis := range axes {
			if err := scenario.Axis(axis); err != nil {
				t.Error(err)
			}
		}
		if _, err := bench.Arms(scenario); err != nil {
			t.Error(err)
		}
	}
}

func tryMake(t *testing.T, args []string) {
	t.Helper()
	cmd := exec.Command("make", append([]string{"-n", "--no-print-directory"}, args...)...)
	cmd.Dir = repository
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("make -n %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	makefile, err := os.ReadFile(filepath.Join(repository, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, arg := range args {
		// make takes any variable; one that the Makefile does not use is a slip of the documentation.
		if name, _, ok := strings.Cut(arg, "="); ok && !strings.Contains(string(makefile), "$("+name+")") {
			t.Errorf("the Makefile does not use %s", name)
		}
	}
}

func tryGo(t *testing.T, args []string) {
	t.Helper()
	found := false
	for _, arg := range args {
		dir, ok := strings.CutPrefix(arg, "./")
		if !ok {
			continue
		}
		found = true
		dir = strings.TrimSuffix(strings.TrimSuffix(dir, "..."), "/")
		if info, err := os.Stat(filepath.Join(repository, dir)); err != nil || !info.IsDir() {
			t.Errorf("no package folder %s", arg)
		}
	}
	if !found {
		t.Errorf("go %s names no package", strings.Join(args, " "))
	}
}

func tryGate(t *testing.T, steps []string) {
	t.Helper()
	gate, err := os.ReadFile(filepath.Join(repository, ".ci", "run"))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range steps {
		if !strings.Contains(string(gate), "\nstep_"+step+"()") {
			t.Errorf(".ci/run has no step %s", step)
		}
	}
}

// documented is one command line and where it stands.
type documented struct{ place, text string }

// documentedCommands returns all command lines of Markdown files and package comments.
func documentedCommands(t *testing.T) []documented {
	t.Helper()
	var commands []documented
	eachDocument(t, func(path, text string) {
		if filepath.Base(path) == "doc.go" {
			commands = append(commands, commandsOfComment(path, text)...)
			return
		}
		for _, block := range fencedBlocks(text) {
			switch block.language {
			case "console":
				commands = append(commands, commandsOfBlock(path, block.lines)...)
			case "sh", "bash", "shell", "zsh":
				t.Errorf("%s: a block of %s is not tried; write it as console, each command after \"$ \"", path, block.language)
			}
		}
	})
	return commands
}

// TestDocumentedScenarios parses every YAML block that is a scenario.
func TestDocumentedScenarios(t *testing.T) {
	found := 0
	eachDocument(t, func(path, text string) {
		for _, block := range fencedBlocks(text) {
			if block.language != "yaml" {
				continue
			}
			found++
			scenario, err := bench.ParseScenario(path, []byte(strings.Join(block.lines, "\n")))
			if err == nil {
				_, err = bench.Arms(scenario)
			}
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	})
	if found == 0 {
		t.Error("no scenario is documented: the search has lost its way")
	}
}

// eachDocument calls visit for each Markdown file and each doc.go of the repository.
func eachDocument(t *testing.T, visit func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(repository, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != repository && (strings.HasPrefix(name, ".") || name == "results" || name == "bin" || name == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".md" && name != "doc.go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		place, err := filepath.Rel(repository, path)
		if err != nil {
			return err
		}
		visit(filepath.ToSlash(place), string(text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fenced is one ``` block.
type fenced struct {
	language string
	lines    []string
}

func fencedBlocks(text string) []fenced {
	var blocks []fenced
	open := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		mark, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && !open:
			blocks = append(blocks, fenced{language: strings.TrimSpace(mark)})
			open = true
		case isFence:
			open = false
		case open:
			last := &blocks[len(blocks)-1]
			last.lines = append(last.lines, line)
		}
	}
	return blocks
}

// commandsOfBlock returns the lines that start with "$ ", with the lines that a backslash joins to them.
func commandsOfBlock(path string, lines []string) []documented {
	var commands []documented
	for i := 0; i < len(lines); i++ {
		text, ok := strings.CutPrefix(lines[i], "$ ")
		if !ok {
			continue
		}
		for strings.HasSuffix(text, "\\") && i+1 < len(lines) {
			i++
			text = strings.TrimSuffix(text, "\\") + strings.TrimSpace(lines[i])
		}
		commands = append(commands, documented{place: path, text: text})
	}
	return commands
}

func commandsOfComment(path, text string) []documented {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "//")))
	}
	return commandsOfBlock(path, lines)
}

// simpleCommands splits a command line at pipes, && and ;, drops remarks, variables and redirections, and returns the
// words of each command. The paths of our program are written as its name.
func simpleCommands(text string) [][]string {
	var commands [][]string
	var current []string
	end := func() {
		if len(current) > 0 {
			commands = append(commands, current)
		}
		current = nil
	}
	words := shellWords(text)
	for i := 0; i < len(words); i++ {
		switch word := words[i]; {
		case word == "|" || word == "&&" || word == ";" || word == "&":
			end()
		case word == ">" || word == "<":
			i++
		case len(current) == 0 && strings.Contains(word, "="):
		case len(current) == 0 && (word == "bin/raftmark" || word == "./bin/raftmark"):
			current = append(current, "raftmark")
		default:
			current = append(current, word)
		}
	}
	end()
	return commands
}

// shellWords splits at spaces outside quotes, up to a "#" that starts a word.
func shellWords(text string) []string {
	var words []string
	var word strings.Builder
	inWord, quote := false, rune(0)
	for _, r := range text {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inWord = r, true
		case quote == 0 && r == ' ':
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		case quote == 0 && r == '#' && !inWord:
			return words
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}

func TestSimpleCommands(t *testing.T) {
	cases := []struct{ text, want string }{
		{"make bench  # six minutes", "make|bench"},
		{"bin/raftmark bench x.yaml -L 'transport=tcp,quic'", "raftmark|bench|x.yaml|-L|transport=tcp,quic"},
		{"GOOS=darwin go vet ./... && make test | cat", "go|vet|./...||make|test||cat"},
		{"raftmark list > \"some file\" &", "raftmark|list"},
	}
	for _, c := range cases {
		var parts []string
		for _, words := range simpleCommands(c.text) {
			parts = append(parts, strings.Join(words, "|"))
		}
		if got := strings.Join(parts, "||"); got != c.want {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
	}
}
