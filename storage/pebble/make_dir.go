package pebble

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// MakeDir creates dir on fsys, and what is missing above it, durably. It is storage.MakeDir for the parts of a node
// that are on a file system of the engine's kind.
func MakeDir(fsys vfs.FS, dir string) error {
	parent := fsys.PathDir(dir)
	if parent == dir {
		return nil
	}
	switch info, err := fsys.Stat(dir); {
	case err == nil && !info.IsDir():
		return fmt.Errorf("%s is a file, need a folder", dir)
	case errors.Is(err, fs.ErrNotExist):
		if _, err := fsys.Stat(parent); err != nil {
			if err := MakeDir(fsys, parent); err != nil {
				return err
			}
		}
		if err := fsys.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("create folder: %w", err)
		}
	case err != nil:
		return fmt.Errorf("look at folder: %w", err)
	}
	// Also when it was there: whoever created it may not have come this far.
	return SyncDir(fsys, parent)
}

// SyncDir makes the names in dir durable.
func SyncDir(fsys vfs.FS, dir string) error {
	d, err := fsys.OpenDir(dir)
	if err != nil {
		return fmt.Errorf("open folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}
