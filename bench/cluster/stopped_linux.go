package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// processStopped reports whether all threads of a process are stopped (proc_pid_stat(5): state T). One that is not, for
// it is in a system call that cannot be interrupted, may still touch the disk.
func processStopped(pid int) (bool, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(files) == 0 {
		return false, errors.Join(err, fmt.Errorf("process %d has no threads", pid))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the thread has ended
		}
		if err != nil {
			return false, err
		}
		// The name before it, in parentheses, may have any characters.
		if _, after, ok := bytes.Cut(text[max(0, bytes.LastIndexByte(text, ')')):], []byte(") ")); !ok || after[0] != 'T' {
			return false, nil
		}
	}
	return true, nil
}
