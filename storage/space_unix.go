//go:build linux || darwin

package storage

import (
	"errors"

	"golang.org/x/sys/unix"
)

func statfs(path string) (Space, error) {
	var s unix.Statfs_t
	err := unix.Statfs(path, &s)
	for errors.Is(err, unix.EINTR) {
		err = unix.Statfs(path, &s)
	}
	if err != nil {
		return Space{}, err
	}
	block := uint64(s.Bsize) // of another type on each system
	return Space{FreeBytes: s.Bavail * block, TotalBytes: s.Blocks * block}, nil
}
