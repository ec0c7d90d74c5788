package claims

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// State is what became of a claim.
type State int

// The states.
const (
	Holds  State = iota // the text is what the result says
	Parted              // it is not, or the result does not hold
)

// Finding is one value that a file quotes.
type Finding struct {
	File       string
	Line       int    // of the value in the file, as long as the claim holds; else of its mark
	Expression string // as written
	Value      string // as stored, or as computed
	Text       string // as formatted: what has to stand there
	Source     string // the result, as the file writes its path
	State      State
	// Why says what parted.
	Why string
}

// ErrQuery is wrapped by the error of a claim that cannot be evaluated.
var ErrQuery = errors.New("broken claim")

// ErrNoClaim is returned when no file quotes anything.
var ErrNoClaim = errors.New("no claim in any of the files")

// Check looks at all claims of the files. The error names each that cannot be evaluated; findings are of the others.
func Check(files []string) ([]Finding, error) {
	findings, _, err := check(files)
	return findings, err
}

// Write puts what the results say into the files, when every claim of all of them can be evaluated, and returns the
// names of those that changed.
func Write(files []string) (changed []string, err error) {
	findings, texts, err := check(files)
	if err != nil {
		return nil, err
	}
	for _, f := range findings {
		if f.State == Parted && strings.HasPrefix(f.Why, voidText) {
			return nil, fmt.Errorf("%w: %s:%d: %s", ErrQuery, f.File, f.Line, f.Why)
		}
	}
	for i, file := range files {
		if texts[i].fresh == texts[i].old {
			continue
		}
		if err := replace(file, texts[i].fresh); err != nil {
			return changed, err
		}
		changed = append(changed, file)
	}
	return changed, nil
}

// voidText begins what is said of a claim on a result that does not hold.
const voidText = "the result does not hold: "

// rewritten is a file as it is and as it has to be.
type rewritten struct{ old, fresh string }

func check(files []string) ([]Finding, []rewritten, error) {
	l := &library{opened: map[string]*opened{}}
	var findings []Finding
	var faults []error
	var texts []rewritten
	claims := 0
	for _, file := range files {
		c, err := l.file(file)
		if err != nil {
			faults = append(faults, err)
		}
		findings, claims = append(findings, c.findings...), claims+c.claims
		texts = append(texts, c.rewritten)
	}
	if err := errors.Join(faults...); err != nil {
		return findings, nil, err
	}
	if claims == 0 {
		return nil, nil, fmt.Errorf("%w: %w", ErrQuery, ErrNoClaim)
	}
	return findings, texts, nil
}

// checked is what came of a file.
type checked struct {
	rewritten
	findings []Finding
	claims   int
}

func (l *library) file(file string) (checked, error) {
	var c checked
	data, err := os.ReadFile(file)
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrQuery, err)
	}
	c.old = string(data)
	doc, err := scan(c.old)
	if err != nil {
		return c, fmt.Errorf("%w: %s, %w", ErrQuery, file, err)
	}
	sources, err := l.resolve(filepath.Dir(file), doc.sources)
	if err != nil {
		return c, fmt.Errorf("%w: %s, %w", ErrQuery, file, err)
	}
	var fresh strings.Builder
	var faults []error
	at := 0
	for _, claim := range doc.claims {
		text, findings, err := claim.check(file, sources, 1+strings.Count(c.old[:claim.from], "\n"))
		if err != nil {
			faults = append(faults, fmt.Errorf("%w: %s:%d: %w", ErrQuery, file, claim.line, err))
			continue
		}
		fresh.WriteString(c.old[at:claim.from] + text)
		at = claim.to
		c.findings = append(c.findings, findings...)
	}
	fresh.WriteString(c.old[at:])
	c.fresh, c.claims = fresh.String(), len(doc.claims)
	return c, errors.Join(faults...)
}

// check renders a claim whose text begins at a line, and compares.
func (c *claim) check(file string, sources map[string]*source, line int) (string, []Finding, error) {
	text, parts, err := c.render(sources)
	if err != nil {
		return "", nil, err
	}
	if len(parts) == 0 {
		return "", nil, errors.New("its template has no value")
	}
	var findings []Finding
	for _, p := range parts {
		f := Finding{
			File: file, Line: line + strings.Count(text[:p.at], "\n"), Expression: p.expression, Value: p.value, Text: p.text,
			Source: p.source,
		}
		if p.fault != nil {
			f.State, f.Line, f.Why = Parted, c.line, voidText+p.fault.Error()
		}
		findings = append(findings, f)
	}
	if text == c.text {
		return text, findings, nil
	}
	// The text says something else than the result. Which value it is of follows from where they part.
	where := parting(c.text, text)
	last := 0
	for i, p := range parts {
		if p.at <= where {
			last = i
		}
	}
	findings[last].State, findings[last].Line = Parted, line+strings.Count(text[:where], "\n")
	findings[last].Why = fmt.Sprintf("the text says %q, the result %q", lineAt(c.text, where), lineAt(text, where))
	return text, findings, nil
}

// part is an evaluated expression and where its text begins.
type part struct {
	evaluation
	at int
}

// render fills the template.
func (c *claim) render(sources map[string]*source) (string, []part, error) {
	var b strings.Builder
	var parts []part
	if c.block {
		b.WriteString("\n")
	}
	for rest := c.template; rest != ""; {
		n := strings.IndexByte(rest, '{')
		if n < 0 {
			b.WriteString(rest)
			break
		}
		b.WriteString(rest[:n])
		rest = rest[n+1:]
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			return "", nil, errors.New("a brace has no end")
		}
		e, err := evaluate(rest[:end], sources)
		if err != nil {
			return "", nil, err
		}
		parts = append(parts, part{evaluation: e, at: b.Len()})
		b.WriteString(e.text)
		rest = rest[end+1:]
	}
	if c.block {
		b.WriteString("\n")
	}
	if strings.Contains(b.String(), opening) {
		return "", nil, errors.New("what the result says holds a comment")
	}
	return b.String(), parts, nil
}

// parting is where two different texts begin to differ.
func parting(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// lineAt returns the line of text that holds the place.
func lineAt(text string, at int) string {
	at = min(at, len(text))
	from := strings.LastIndexByte(text[:at], '\n') + 1
	line, _, _ := strings.Cut(text[from:], "\n")
	return line
}

// replace writes a file in one step, with the mode that it has.
func replace(file, text string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	fresh, err := os.CreateTemp(filepath.Dir(file), ".claims-*")
	if err != nil {
		return err
	}
	defer os.Remove(fresh.Name())
	_, err = fresh.WriteString(text)
	if err := errors.Join(err, fresh.Chmod(info.Mode().Perm()), fresh.Close()); err != nil {
		return err
	}
	return os.Rename(fresh.Name(), file)
}
