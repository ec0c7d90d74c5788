package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Space is how much room a file system has.
type Space struct {
	// FreeBytes is what a process without privileges may still write.
	FreeBytes uint64
	// TotalBytes is the size of the file system.
	TotalBytes uint64
}

// MeasureSpace returns the room of the file system that dir is on, or will be on once it is created. It asks the
// kernel, and may hang as long as the file system does.
func MeasureSpace(dir string) (Space, error) {
	at, err := filepath.Abs(dir)
	if err != nil {
		return Space{}, fmt.Errorf("measure the room for %s: %w", dir, err)
	}
	for {
		s, err := statfs(at)
		if err == nil {
			return s, nil
		}
		parent := filepath.Dir(at)
		if !errors.Is(err, fs.ErrNotExist) || parent == at {
			return Space{}, fmt.Errorf("measure the room for %s: %w", dir, err)
		}
		at = parent
	}
}
