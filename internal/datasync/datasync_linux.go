package datasync

import (
	"os"

	"golang.org/x/sys/unix"
)

// File makes the file's data durable, and of its metadata only what is needed to read it.
func File(file *os.File) error { return unix.Fdatasync(int(file.Fd())) }
