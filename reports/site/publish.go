package site

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
)

// Options say what a site has beside its results.
type Options struct {
	// Title is the headline of the index; default "raftmark: results".
	Title string
	// PNG keeps each figure also as pixels, for pasting: it makes a site twice as large. Default: SVG and data only.
	PNG bool
	// Compare lists pairs of results of the site, by their names, that get a page each: base, then new. Pages that the
	// site has are made again without being named.
	Compare [][2]string
}

// Published is what Publish made.
type Published struct {
	Page    string   // path of the index
	Results int      // in the site
	Added   []string // names of those that were not there before
	// Damaged says of each result that cannot be read any more why.
	Damaged []string
}

// ErrSource is wrapped by the error of a result, or a site, that cannot be used.
var ErrSource = errors.New("cannot be published")

// Publish adds results to the site at out, which is made when it is missing, and makes all of its pages anew.
func Publish(out string, dirs []string, o Options) (*Published, error) {
	names, err := survey(out, dirs)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, fmt.Errorf("make site: %w", err)
	}
	p := &Published{Page: filepath.Join(out, pageFile)}
	for i, dir := range dirs {
		_, absent := os.Stat(filepath.Join(out, names[i]))
		if err := add(out, dir, names[i]); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrSource, dir, err)
		}
		if absent != nil {
			p.Added = append(p.Added, names[i])
		}
	}
	entries, err := read(out)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("%w: %s has no result", ErrSource, out)
	}
	s := &pages{dir: out, options: o, entries: entries}
	if err := s.write(); err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.fault != nil {
			p.Damaged = append(p.Damaged, e.name+": "+e.fault.Error())
		}
	}
	p.Results = len(entries) - len(p.Damaged)
	return p, writeSums(out)
}

// survey looks at everything before anything is written, and returns the names of the results.
func survey(out string, dirs []string) (names []string, err error) {
	var faults []error
	if err := checkSite(out); err != nil {
		faults = append(faults, err)
	}
	seen := map[string]string{}
	for _, dir := range dirs {
		name, err := surveyResult(out, dir)
		if other, twice := seen[name]; err == nil && twice {
			err = fmt.Errorf("has the name of %s", other)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%w: %s: %w", ErrSource, dir, err))
			continue
		}
		seen[name] = dir
		names = append(names, name)
	}
	return names, errors.Join(faults...)
}

func surveyResult(out, dir string) (name string, err error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	name = filepath.Base(full)
	if err := checkName(name); err != nil {
		return "", err
	}
	if _, err := openSound(dir); err != nil {
		return "", err
	}
	_, err = sameResult(dir, filepath.Join(out, name))
	return name, err
}

// madeHere is on every page of raftmark, and tells an index of ours from somebody's own.
const madeHere = "Made by <code>raftmark</code>"

// checkSite refuses to write over a folder that is something else.
func checkSite(out string) error {
	if looksLikeResult(out) {
		if _, err := os.Stat(filepath.Join(out, result.ManifestFile)); err == nil {
			return fmt.Errorf("%w: %s is a result, not a place for a site", ErrSource, out)
		}
	}
	data, err := os.ReadFile(filepath.Join(out, pageFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && !strings.Contains(string(data), madeHere) {
		err = fmt.Errorf("%w: %s has an %s that is not of a site of raftmark", ErrSource, out, pageFile)
	}
	return err
}
