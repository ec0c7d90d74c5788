package calibrate

import (
	"os"

	"golang.org/x/sys/unix"
)

// datasync makes the file's data durable, and of its metadata only what is needed to read it.
func datasync(file *os.File) error { return unix.Fdatasync(int(file.Fd())) }
