package cluster

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// What a failure shows of a log file.
const (
	logTailLines = 5
	logTailBytes = 4 << 10
)

// process is one run of a node's program.
type process struct {
	cmd     *exec.Cmd
	logFile string
	logFrom int64       // where this run's output begins
	parent  io.Closer   // the pipe that tells the child that this process lives
	ordered atomic.Bool // its end was ordered

	done  chan struct{} // closed when the process is gone
	ended time.Time     // when it was; read after done
	err   error         // how; read after done
}

// startProcess starts binary in a process group of its own, with its output appended to logFile. The group's
// priority is that of this process less niceness; its environment is that of this process and env, which wins.
func startProcess(binary, logFile string, niceness int, env, args []string) (*process, error) {
	output, err := os.OpenFile(logFile, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = output.Close() }() // the child has its own
	from, err := output.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Env = append(os.Environ(), env...) // of one name the last one counts
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	parent, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, parent.Close())
	}
	if err := lowerPriority(cmd.Process.Pid, niceness); err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), parent.Close(), cmd.Wait())
	}
	p := &process{cmd: cmd, logFile: logFile, logFrom: from, parent: parent, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait() // closes the pipe, too
		p.ended = time.Now()
		close(p.done)
	}()
	return p, nil
}

// lowerPriority makes all threads of a process group, present and future, yield to this process.
func lowerPriority(group, niceness int) error {
	if niceness == 0 {
		return nil
	}
	if err := syscall.Setpriority(syscall.PRIO_PGRP, group, niceness); err != nil {
		return fmt.Errorf("lower the priority of process %d: %w", group, err)
	}
	return nil
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// failure says how the process ended and what it printed last. It is called after done.
func (p *process) failure() error {
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	tail := tailOf(p.logFile, p.logFrom)
	if tail == "" || p.cmd.ProcessState.ExitCode() < 0 { // a signal says it all
		return errors.New(how)
	}
	return exitError{how: how, tail: tail, logFile: p.logFile, code: p.cmd.ProcessState.ExitCode()}
}

// exitError is the end of a process, with the last lines of its log.
type exitError struct {
	how, tail, logFile string
	code               int
}

// Error implements error.
func (e exitError) Error() string { return fmt.Sprintf("%s: %s (see %s)", e.how, e.tail, e.logFile) }

// addressInUse reports whether a node ended because another program has one of its ports.
func addressInUse(err error) bool {
	var exit exitError
	return errors.As(err, &exit) && strings.Contains(exit.tail, syscall.EADDRINUSE.Error())
}

// refused reports whether err is the end of a node that refused its configuration or its data folder.
func refused(err error) bool {
	var exit exitError
	return errors.As(err, &exit) && exit.code == usageExitCode
}

// usageExitCode is how the program says that its caller is at fault.
const usageExitCode = 2

// lastWord is how the program begins the line that says why it ended.
const lastWord = "raftmark: "

// tailOf returns the last lines of a file, after from, on one line; or only the last word, when there is one.
func tailOf(name string, from int64) string {
	file, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	if size, err := file.Seek(0, io.SeekEnd); err == nil {
		_, _ = file.Seek(max(from, size-logTailBytes), io.SeekStart)
	}
	text, err := io.ReadAll(io.LimitReader(file, logTailBytes))
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if reason, ok := strings.CutPrefix(lines[len(lines)-1], lastWord); ok {
		return reason
	}
	return strings.Join(lines[max(0, len(lines)-logTailLines):], " | ")
}
