package site

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports"
)

// entry is a folder of the site that is a result, or was one.
type entry struct {
	name     string
	result   *result.Result // nil when it cannot be read
	fault    error          // why
	rendered reports.Rendered
}

// reserved are the names in a site that no result may have.
const (
	trendsDir  = "trends"
	compareDir = "compare"
)

// goodName is what a result's folder may be called, so that its link needs no escapes anywhere.
var goodName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)

func checkName(name string) error {
	switch {
	case !goodName.MatchString(name) || strings.Contains(name, "..") || strings.HasSuffix(name, "."):
		return fmt.Errorf("%q: a published result's folder has letters, digits and . _ + - in its name only", name)
	case name == trendsDir || name == compareDir || name == pageFile || name == markdownFile || name == checksumsFile:
		return fmt.Errorf("%q is a name that the site uses itself", name)
	}
	return nil
}

// read returns the results of a site, in the order of their names.
func read(dir string) ([]*entry, error) {
	folders, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read site: %w", err)
	}
	var entries []*entry
	for _, f := range folders {
		if !f.IsDir() || strings.HasPrefix(f.Name(), ".") || f.Name() == trendsDir || f.Name() == compareDir {
			continue
		}
		path := filepath.Join(dir, f.Name())
		if !looksLikeResult(path) {
			continue
		}
		e := &entry{name: f.Name()}
		e.result, e.fault = openSound(path)
		entries = append(entries, e)
	}
	return entries, nil
}

// looksLikeResult says whether a folder is, or was, a result: one of the files that every result has is there.
func looksLikeResult(dir string) bool {
	for _, name := range []string{result.ManifestFile, result.SummaryFile, result.ChecksumsFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// openSound opens a result and reads the operations, too, which Open leaves alone.
func openSound(dir string) (*result.Result, error) {
	r, err := result.Open(dir)
	if err != nil {
		return nil, unwrapDir(err)
	}
	if _, _, _, err := r.Elections(); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(filepath.Join(dir, result.OpsFile)); errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	for _, err := range r.Ops() {
		if err != nil {
			return nil, err
		}
	}
	return r, nil
}

// unwrapDir takes off "open result DIR:", because a site must not depend on where it lies.
func unwrapDir(err error) error {
	if cause := errors.Unwrap(err); cause != nil && strings.HasPrefix(err.Error(), "open result ") {
		return cause
	}
	return err
}

// add copies a result into the site, unless it is there.
func add(site, dir, name string) error {
	to := filepath.Join(site, name)
	same, err := sameResult(dir, to)
	if err != nil || same {
		return err
	}
	names, err := filesOf(dir)
	if err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(site, ".result-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	for _, file := range names {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err == nil {
			err = os.WriteFile(filepath.Join(fresh, file), data, 0o644)
		}
		if err != nil {
			return err
		}
	}
	// What was copied is what was read, or it is not published.
	if _, err := openSound(fresh); err != nil {
		return err
	}
	return os.Rename(fresh, to)
}

// sameResult says whether the site has the result already, and refuses another one of its name.
func sameResult(dir, to string) (bool, error) {
	there, err := os.Stat(to)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if here, err := os.Stat(dir); err != nil || os.SameFile(here, there) {
		return true, err
	}
	for _, name := range []string{result.ManifestFile, result.SummaryFile, result.ChecksumsFile} {
		a, errA := os.ReadFile(filepath.Join(dir, name))
		b, errB := os.ReadFile(filepath.Join(to, name))
		if (errA == nil) != (errB == nil) || !bytes.Equal(a, b) {
			return false, fmt.Errorf("the site has another result of the name %s: %s differs", filepath.Base(to), name)
		}
	}
	return true, nil
}

// filesOf lists what belongs to a result: what its SHA256SUMS names, or, where it has none, every file beside.
func filesOf(dir string) ([]string, error) {
	data, err := os.ReadFile(filepath.Join(dir, result.ChecksumsFile))
	if err == nil {
		names := []string{result.ChecksumsFile}
		for line := range strings.Lines(string(data)) {
			_, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
			names = append(names, name)
		}
		return names, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// render makes the entry's report anew.
func (e *entry) render(site string, png bool) error {
	render := reports.RenderVectors
	if png {
		render = reports.Render
	}
	var err error
	e.rendered, err = render(filepath.Join(site, e.name))
	return err
}
