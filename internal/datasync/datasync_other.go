//go:build !linux

package datasync

import "os"

// File makes the file durable. On darwin this is F_FULLFSYNC.
func File(file *os.File) error { return file.Sync() }
