//go:build !linux

package cluster

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// processStopped reports whether a process is stopped, as ps(1) says.
func processStopped(pid int) (bool, error) {
	state, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return false, fmt.Errorf("state of process %d: %w", pid, err)
	}
	return strings.HasPrefix(strings.TrimSpace(string(state)), "T"), nil
}
