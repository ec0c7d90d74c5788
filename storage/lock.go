//go:build unix

package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// takeLock takes the lock of dir; closing the file, or the end of the process, releases it.
func takeLock(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, errors.Join(fmt.Errorf("%w: %s: lock: held by %s, want free",
			ErrLocked, dir, lockHolder(lock)), lock.Close())
	}
	if err == nil {
		err = lock.Truncate(0)
	}
	if err == nil {
		_, err = lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock folder %s: %w", dir, err), lock.Close())
	}
	return lock, nil
}

// lockHolder names the process that took the lock, as far as it wrote who it is. The lock is that of the open file: a
// process that inherited it holds it when the one that took it is gone. Programs that Go starts do not inherit it.
func lockHolder(lock *os.File) string {
	buf := make([]byte, 20)
	n, _ := lock.ReadAt(buf, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err != nil || pid <= 0 {
		return "process unknown"
	}
	if errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
		return fmt.Sprintf("process %d, which is not seen here: it left the lock to another, or is in another container", pid)
	}
	return fmt.Sprintf("process %d", pid)
}
