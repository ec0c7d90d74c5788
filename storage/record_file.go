package storage

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A record file is a small text file of named values with a checksum; see the package comment for its form.

type field struct{ name, value string }

// recordFileBytesMax bounds what is read of a record file.
const recordFileBytesMax = 4 << 10

func checksumLine(body string) string {
	return fmt.Sprintf("crc32c: %08x\n", crc32.Checksum([]byte(body), crc32.MakeTable(crc32.Castagnoli)))
}

// writeRecordFile writes dir/name atomically and durably.
func writeRecordFile(dir, name, header string, fields []field) error {
	return writeRecordOf(dir, name, header, func(*os.File) ([]field, error) { return fields, nil })
}

// writeRecordOf is writeRecordFile of fields that may say something about the file itself, which will be name.
func writeRecordOf(dir, name, header string, fields func(file *os.File) ([]field, error)) error {
	temporary := filepath.Join(dir, name+".tmp")
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a crash
		return fmt.Errorf("remove %s: %w", temporary, err)
	}
	file, err := os.OpenFile(temporary, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	content, err := fields(file)
	if err == nil {
		_, err = file.WriteString(recordText(header, content))
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", temporary, err)
	}
	if err := os.Rename(temporary, filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("rename %s: %w", temporary, err)
	}
	return SyncDir(dir)
}

func recordText(header string, fields []field) string {
	var body strings.Builder
	body.WriteString(header + "\n")
	for _, f := range fields {
		body.WriteString(f.name + ": " + f.value + "\n")
	}
	return body.String() + checksumLine(body.String())
}

// readRecordFile returns the values of the named fields. Its error is fs.ErrNotExist when there is no such
// file.
func readRecordFile(dir, name, header string, fields ...string) ([]string, error) {
	found, err := readFields(dir, name, header, recordFileBytesMax)
	if err != nil {
		return nil, err
	}
	if len(found) != len(fields) {
		return nil, fmt.Errorf("%s: found %d fields, want %d: %w", name, len(found), len(fields), ErrCorrupt)
	}
	values := make([]string, len(fields))
	for i, f := range found {
		if f.name != fields[i] {
			return nil, fmt.Errorf("%s: found the field %q, want %q: %w", name, f.name, fields[i], ErrCorrupt)
		}
		values[i] = f.value
	}
	return values, nil
}

// readFields returns all fields of a record file of at most bytesMax bytes. Its error is fs.ErrNotExist when there is
// no such file.
func readFields(dir, name, header string, bytesMax int64) ([]field, error) {
	path := filepath.Join(dir, name)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > bytesMax {
		return nil, fmt.Errorf("%s: not a file of at most %d bytes: %w", path, bytesMax, ErrCorrupt)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	fields, err := parseRecord(string(raw), header)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return fields, nil
}

func parseRecord(text, header string) ([]field, error) {
	sum := strings.LastIndex(text, "crc32c: ")
	if sum < 0 || text[sum:] != checksumLine(text[:sum]) {
		return nil, fmt.Errorf("bad checksum: %w", ErrCorrupt)
	}
	lines := strings.Split(strings.TrimSuffix(text[:sum], "\n"), "\n")
	if lines[0] != header {
		return nil, fmt.Errorf("found %.64q, want %q: %w", lines[0], header, ErrFormat)
	}
	var fields []field
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			return nil, fmt.Errorf("found %.64q, want a field: %w", line, ErrCorrupt)
		}
		fields = append(fields, field{name, value})
	}
	return fields, nil
}

// SyncDir makes the entries of dir durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}

// MakeDir creates dir and what is missing above it, durably.
func MakeDir(dir string) error {
	info, err := os.Stat(dir)
	if err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is a file, need a folder", dir)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at folder: %w", err)
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := MakeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create folder: %w", err)
	}
	return SyncDir(filepath.Dir(dir))
}
