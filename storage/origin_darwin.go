package storage

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// markOf returns the inode number of file. Its birth is left out: here copying may take it along, and whoever moves a
// file by hand may set it.
func markOf(file *os.File) (mark, error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &s); err != nil {
		return mark{}, fmt.Errorf("fstat: %w", err)
	}
	return mark{inode: s.Ino}, nil
}

// systemOf names the type of file system that file is on.
func systemOf(file *os.File) (string, error) {
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(file.Fd()), &s); err != nil {
		return "", fmt.Errorf("fstatfs: %w", err)
	}
	return unix.ByteSliceToString(s.Fstypename[:]), nil
}
