package storage

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// markOf returns the inode number and the birth of file.
func markOf(file *os.File) (mark, error) {
	var s unix.Statx_t
	err := unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_INO|unix.STATX_BTIME, &s)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) { // older kernels, and filters of system calls
		var old unix.Stat_t
		if err := unix.Fstat(int(file.Fd()), &old); err != nil {
			return mark{}, fmt.Errorf("fstat: %w", err)
		}
		return mark{inode: old.Ino}, nil
	}
	if err != nil {
		return mark{}, fmt.Errorf("statx: %w", err)
	}
	m := mark{inode: s.Ino}
	if s.Mask&unix.STATX_BTIME != 0 {
		m.born = s.Btime.Sec*1e9 + int64(s.Btime.Nsec)
	}
	return m, nil
}

// systemOf names the type of file system that file is on, by the magic number of statfs(2).
func systemOf(file *os.File) (string, error) {
	const magicZFS, magicBcachefs = 0x2fc12fc1, 0xca451a4e
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(file.Fd()), &s); err != nil {
		return "", fmt.Errorf("fstatfs: %w", err)
	}
	switch magic := uint32(s.Type); magic {
	case unix.EXT4_SUPER_MAGIC: // of ext2 and ext3, too
		return "ext4", nil
	case unix.XFS_SUPER_MAGIC:
		return "xfs", nil
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs", nil
	case unix.F2FS_SUPER_MAGIC:
		return "f2fs", nil
	case magicZFS:
		return "zfs", nil
	case magicBcachefs:
		return "bcachefs", nil
	case unix.TMPFS_MAGIC:
		return "tmpfs", nil
	case unix.NFS_SUPER_MAGIC:
		return "nfs", nil
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlay", nil
	default:
		return fmt.Sprintf("0x%x", magic), nil
	}
}
