//go:build !linux

package calibrate

import "os"

// datasync makes the file durable. On darwin this is F_FULLFSYNC.
func datasync(file *os.File) error { return file.Sync() }
