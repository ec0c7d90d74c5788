package result

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"path/filepath"
)

// atomicFile is a temporary file that becomes the named one in commit, or nothing in abort.
type atomicFile struct {
	dir, name string
	file      *os.File
	sum       hash.Hash
}

func createAtomic(dir, name string) (*atomicFile, error) {
	file, err := os.CreateTemp(dir, "."+name+".tmp-*")
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	return &atomicFile{dir: dir, name: name, file: file, sum: sha256.New()}, nil
}

// Write implements io.Writer.
func (f *atomicFile) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	f.sum.Write(p[:n])
	return n, err
}

// commit makes the contents durable under the final name and returns their SHA-256 in hexadecimal.
func (f *atomicFile) commit() (string, error) {
	path := filepath.Join(f.dir, f.name)
	err := f.file.Chmod(0o644)
	if err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		f.abort()
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	if err := f.file.Close(); err != nil {
		_ = os.Remove(f.file.Name())
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(f.file.Name(), path); err != nil {
		_ = os.Remove(f.file.Name())
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	return hex.EncodeToString(f.sum.Sum(nil)), nil
}

func (f *atomicFile) abort() {
	_ = f.file.Close()
	_ = os.Remove(f.file.Name())
}
