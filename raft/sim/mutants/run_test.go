//go:build mutants

package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft/sim"
)

var (
	only    = flag.String("mutants", "", "names of the mutants to run, with commas; default all")
	seeds   = flag.Uint64("seeds", 500, "simulated runs that a mutant may survive")
	seconds = flag.Float64("seconds", 60, "virtual seconds of a run")
	out     = flag.String("out", "", "file for the table, as Markdown")
	workers = flag.Int("workers", 2, "mutants at once")
)

// verdict is what became of one mutant.
type verdict struct {
	mutant Mutant
	seeds  uint64 // simulated runs until one noticed; 0: none did
	rule   string // that it broke
	tests  []string
	err    error
	took   time.Duration
}

func (v *verdict) killed() bool { return v.seeds > 0 || len(v.tests) > 0 }

// ok reports whether the mutant was killed by what must kill it.
func (v *verdict) ok() bool {
	if v.mutant.Class == Safety && !v.mutant.Scripted {
		return v.seeds > 0
	}
	return v.killed()
}

// TestMutants breaks each rule, and demands that it is noticed.
func TestMutants(t *testing.T) {
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	var mutants []Mutant
	for _, m := range all {
		if *only == "" || slices.Contains(strings.Split(*only, ","), m.Name) {
			mutants = append(mutants, m)
		}
	}
	verdicts := make([]verdict, len(mutants))
	slots := make(chan struct{}, *workers)
	var wg sync.WaitGroup
	for i := range mutants {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			begin := time.Now()
			verdicts[i] = judge(t, mutants[i])
			verdicts[i].took = time.Since(begin)
			fmt.Fprintln(os.Stderr, row(&verdicts[i]))
		})
	}
	wg.Wait()
	table := tableHead
	for i := range verdicts {
		v := &verdicts[i]
		table += row(v) + "\n"
		if v.err != nil {
			t.Errorf("%s: %v", v.mutant.Name, v.err)
		} else if !v.ok() {
			t.Errorf("%s survives: %s", v.mutant.Name, v.mutant.Rule)
		}
	}
	if *out != "" {
		if err := os.WriteFile(*out, []byte(table), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// killerMax bounds what a row says of how the simulator noticed.
const killerMax = 120

const tableHead = "| Mutant | Breaks | Rule broken on purpose | Seeds to kill | What the simulator said | Tests " +
	"that fail |\n" +
	"|---|---|---|---|---|---|\n"

func row(v *verdict) string {
	killer, n := v.rule, "–"
	if v.seeds > 0 {
		n = fmt.Sprint(v.seeds)
	} else if len(v.mutant.Tests) == 0 {
		n = fmt.Sprintf("> %d", *seeds)
	}
	tests := fmt.Sprintf("%d, such as %s", len(v.tests), strings.Join(v.tests[:min(2, len(v.tests))], ", "))
	if len(v.tests) == 0 {
		tests = "none"
	}
	if !v.ok() {
		killer = "SURVIVES"
	}
	if short, _, cut := strings.Cut(killer, ": "); cut && len(killer) > killerMax {
		killer = short + ": " + killer[len(short)+2:killerMax] + " …"
	}
	return fmt.Sprintf("| %s | %v | %s | %s | %s | %s |", v.mutant.Name, v.mutant.Class, v.mutant.Rule, n, killer, tests)
}

// judge lets simulated runs and tests look for a mutant.
func judge(t *testing.T, m Mutant) (v verdict) {
	v.mutant = m
	overlay, err := writeOverlay(t.TempDir(), m)
	if err != nil {
		v.err = err
		return v
	}
	if v.tests, v.err = runTests(t.Context(), overlay, m); v.err != nil {
		return v
	}
	if len(m.Tests) == 0 {
		v.seeds, v.rule, v.err = simulate(t.Context(), t.TempDir(), overlay)
	}
	return v
}

// writeOverlay writes the changed files and the list of them that the compiler takes.
func writeOverlay(dir string, m Mutant) (string, error) {
	changed, err := m.Apply(root)
	if err != nil {
		return "", err
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, text := range changed {
		name := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(abs, filepath.FromSlash(file))] = name
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, data, 0o600)
}

// failed finds the names of failed tests.
var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// runTests runs the tests of the core, or those that the mutant names, and returns which fail.
func runTests(ctx context.Context, overlay string, m Mutant) ([]string, error) {
	packages := m.Tests
	if len(packages) == 0 {
		packages = []string{"./raft", "./raft/progress", "./raft/quorum"}
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	args := []string{"test", "-overlay", overlay, "-tags", "invariants", "-vet=off", "-short", "-timeout", "60s"}
	cmd := exec.CommandContext(ctx, "go", append(args, packages...)...)
	cmd.Dir = root
	output, err := cmd.CombinedOutput()
	if err == nil {
		return nil, nil
	}
	if bytes.Contains(output, []byte("[build failed]")) || bytes.Contains(output, []byte("[setup failed]")) {
		return nil, fmt.Errorf("does not compile:\n%s", output)
	}
	var tests []string
	for _, match := range failed.FindAllStringSubmatch(string(output), -1) {
		tests = append(tests, match[1])
	}
	if len(tests) == 0 {
		tests = []string{"a test that does not end, or panics"}
	}
	return tests, nil
}

// simulate builds the simulator with the mutant in it and runs seeds until one notices.
func simulate(ctx context.Context, dir, overlay string) (n uint64, rule string, err error) {
	binary := filepath.Join(dir, "probe")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", overlay, "-tags", "mutants", "-vet=off",
		"-o", binary, "./raft/sim/mutants")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return 0, "", fmt.Errorf("build: %w\n%s", err, output)
	}
	bounded, cancel := context.WithTimeout(ctx, simulateMax)
	defer cancel()
	cmd := exec.CommandContext(bounded, binary, "-probe",
		fmt.Sprintf("-seeds=%d", *seeds), fmt.Sprintf("-seconds=%g", *seconds))
	output, err := cmd.CombinedOutput()
	if bounded.Err() != nil && ctx.Err() == nil {
		return 0, "", nil // it did not notice in time: some mutants make a storm of messages
	}
	if err != nil {
		return 0, "", fmt.Errorf("simulate: %w\n%s", err, output)
	}
	if match := probed.FindSubmatch(output); match != nil {
		_, err = fmt.Sscan(string(match[1]), &n)
		return n, string(match[2]), err
	}
	return 0, "", nil
}

// simulateMax bounds the simulation of one mutant, in real time.
const simulateMax = 10 * time.Minute

// probed is what a probe that noticed says.
var probed = regexp.MustCompile(`(?m)^noticed after (\d+) seeds: (.*)$`)

var probe = flag.Bool("probe", false, "be the probe: run seeds until one notices")

// TestMain is the probe when TestMutants runs it so, in a mutant.
func TestMain(m *testing.M) {
	flag.Parse()
	if !*probe {
		os.Exit(m.Run())
	}
	if err := runProbe(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runProbe() error {
	for n := range *seeds {
		o := sim.Options{Seed: n + 1, Duration: time.Duration(*seconds * float64(time.Second))}
		result, err := sim.Run(o)
		if err != nil {
			return err
		}
		if result.Violation != nil {
			fmt.Printf("noticed after %d seeds: %s\n", n+1, strings.SplitN(result.Violation.Error(), "\n", 2)[0])
			return nil
		}
	}
	return nil
}
