package site

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
)

// checksumsFile lists the checksums of all other files of a site.
const checksumsFile = result.ChecksumsFile

// Check returns what does not hold of a site: files that changed, are missing, or are not listed, and results that
// cannot be read. The error is of what cannot be looked at.
func Check(dir string) (problems []string, err error) {
	listed, err := readSums(dir)
	if err != nil {
		return nil, err
	}
	found, err := sums(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(listed)) {
		switch sum, ok := found[name]; {
		case !ok:
			problems = append(problems, name+": missing, but listed in "+checksumsFile)
		case sum != listed[name]:
			problems = append(problems, name+": changed since it was published")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if _, ok := listed[name]; !ok {
			problems = append(problems, name+": not listed in "+checksumsFile)
		}
	}
	entries, err := read(dir)
	for _, e := range entries {
		if e.fault != nil {
			problems = append(problems, e.name+": "+e.fault.Error())
		}
	}
	return problems, err
}

// Vouch says whether the site at dir has the file as it was published.
func Vouch(dir, path string) error {
	listed, err := readSums(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is of no published site: %s has no %s", path, dir, checksumsFile)
	}
	if err != nil {
		return err
	}
	name, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	want, ok := listed[filepath.ToSlash(name)]
	if !ok {
		return fmt.Errorf("%s is not listed in the %s of its site: publish it", path, checksumsFile)
	}
	got, err := sumOf(path)
	if err == nil && got != want {
		err = fmt.Errorf("%s changed since it was published", path)
	}
	return err
}

func readSums(dir string) (map[string]string, error) {
	data, err := os.ReadFile(filepath.Join(dir, checksumsFile))
	if err != nil {
		return nil, fmt.Errorf("read checksums of site: %w", err)
	}
	listed := map[string]string{}
	scanner := bufio.NewScanner(bytes.NewReader(data))
	for line := 1; scanner.Scan(); line++ {
		sum, name, ok := strings.Cut(scanner.Text(), "  ")
		if !ok || len(sum) != 2*sha256.Size || !filepath.IsLocal(filepath.FromSlash(name)) {
			return nil, fmt.Errorf("%s line %d: not a checksum, two spaces and a path", checksumsFile, line)
		}
		listed[name] = sum
	}
	return listed, scanner.Err()
}

func writeSums(dir string) error {
	all, err := sums(dir)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s  %s\n", all[name], name)
	}
	return writeFile(filepath.Join(dir, checksumsFile), []byte(b.String()))
}

// sums returns the checksums of all files below dir but the list itself, by their paths with slashes.
func sums(dir string) (map[string]string, error) {
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || name == checksumsFile {
			return err
		}
		if !entry.Type().IsRegular() {
			return fmt.Errorf("%s is not a regular file", path)
		}
		all[filepath.ToSlash(name)], err = sumOf(path)
		return err
	})
	return all, err
}

func sumOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// writeFile replaces a file in one step, unless it has that contents.
func writeFile(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	fresh, err := os.CreateTemp(filepath.Dir(path), ".site-*")
	if err != nil {
		return err
	}
	defer os.Remove(fresh.Name())
	_, err = fresh.Write(data)
	if err := errors.Join(err, fresh.Chmod(0o644), fresh.Close()); err != nil {
		return err
	}
	return os.Rename(fresh.Name(), path)
}
