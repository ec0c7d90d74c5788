package claims

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
)

// unsound marks, behind its path, a source that is known not to hold.
const unsound = "(invalid)"

// source is what a name stands for.
type source struct {
	dir   string // as it was written
	root  any
	steps []step // of the part that is meant
	fault error  // why its figures may not be quoted
}

// library opens results once, however many files quote them.
type library struct {
	opened map[string]*opened
}

// opened is a result, or a CSV file, or why there is none.
type opened struct {
	root any
	void string // why the result does not hold; "" when it does
	err  error
}

func (l *library) open(path string) *opened {
	if o, ok := l.opened[path]; ok {
		return o
	}
	o := &opened{}
	if strings.HasSuffix(path, ".csv") {
		o.root, o.err = readRows(path)
	} else {
		o.root, o.void, o.err = openResult(path)
	}
	l.opened[path] = o
	return o
}

// resolve returns the sources of a file by their names. Paths are relative to base.
func (l *library) resolve(base string, definitions []definition) (map[string]*source, error) {
	sources := map[string]*source{}
	for _, d := range definitions {
		if _, ok := sources[d.name]; ok {
			return nil, fmt.Errorf("line %d: %s has a source already", d.line, d.name)
		}
		s, err := l.source(base, d, sources)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", d.line, d.name, err)
		}
		sources[d.name] = s
	}
	return sources, nil
}

func (l *library) source(base string, d definition, known map[string]*source) (*source, error) {
	if n := strings.IndexAny(d.from, ".["); n > 0 && known[d.from[:n]] != nil {
		steps, err := parsePath(d.from)
		if err != nil {
			return nil, err
		}
		part := *known[d.from[:n]]
		part.steps = append(append([]step(nil), part.steps...), steps[1:]...)
		_, err = walk(part.root, part.steps)
		return &part, err
	}
	path, flagged := strings.CutSuffix(d.from, unsound)
	path = strings.TrimSpace(path)
	o := l.open(filepath.Join(base, filepath.FromSlash(path)))
	if o.err != nil {
		return nil, o.err
	}
	s := &source{dir: path, root: o.root}
	switch {
	case o.void != "" && !flagged:
		s.fault = fmt.Errorf("%s %s; a text that quotes it all the same says %s behind the path", path, o.void, unsound)
	case o.void == "" && flagged:
		return nil, fmt.Errorf("%s holds, and is called %s", path, unsound)
	}
	return s, nil
}

// openResult checks a result and returns its tree.
func openResult(dir string) (root any, void string, err error) {
	r, err := result.Open(dir)
	if err != nil {
		return nil, "", err
	}
	fields, err := readTree(filepath.Join(dir, result.SummaryFile))
	if err != nil {
		return nil, "", err
	}
	tree, ok := fields.(map[string]any)
	if !ok {
		return nil, "", fmt.Errorf("%s: %s is no object", dir, result.SummaryFile)
	}
	if tree["manifest"], err = readTree(filepath.Join(dir, result.ManifestFile)); err != nil {
		return nil, "", err
	}
	tree["report"] = lazy(func() (any, error) { return readSections(dir) })
	tree["elections"] = lazy(func() (any, error) {
		if _, _, _, err := r.Elections(); err != nil {
			return nil, err
		}
		return readTree(filepath.Join(dir, result.ElectionsFile))
	})
	for field, name := range map[string]string{
		"trials": result.TrialsFile, "timeline": result.TimelineFile, "stages": result.StagesFile,
		"exchange": result.ExchangeFile, "election_trials": result.ElectionsTrialsFile,
		"election_hours": result.ElectionsHoursFile,
	} {
		tree[field] = lazy(func() (any, error) { return readRows(filepath.Join(dir, name)) })
	}
	return tree, voidOf(r), nil
}

// voidOf says why a result does not hold, "" when it does.
func voidOf(r *result.Result) string {
	if r.Summary.Verdict != result.VerdictOK {
		return "is " + string(r.Summary.Verdict)
	}
	if r.Manifest.Interrupted {
		return "was interrupted"
	}
	for i := range r.Summary.Arms {
		if r.Summary.Arms[i].Safety.Violated() {
			return "is unsafe"
		}
	}
	return ""
}

// readTree decodes a JSON file and keeps its numbers as they are written.
func readTree(path string) (any, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tree, nil
}

// readRows reads a CSV file with a header as a list of objects.
func readRows(path string) (any, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 || data[len(data)-1] != '\n' {
		return nil, fmt.Errorf("%s: truncated: it does not end in a newline", path)
	}
	records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(records) == 0 {
		return nil, errors.New(path + ": no header")
	}
	rows := []any{}
	for _, record := range records[1:] {
		row := map[string]any{}
		for i, column := range records[0] {
			row[column] = record[i]
		}
		rows = append(rows, row)
	}
	return rows, nil
}
