package exchange

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// closeMax is how long an end may take to end when its input has.
const closeMax = 5 * time.Second

// callMax is how long an end may take for a command beyond what the command itself is to last.
const callMax = 30 * time.Second

// process is an end as the process that started it sees it.
type process struct {
	name    string
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     io.Closer // what answers reads
	answers *json.Decoder
	log     string // file that takes what it prints to standard error
	done    chan struct{}
	err     error // read after done
}

// startProcess starts an end in a process group of its own, so that an interrupt of the terminal reaches only this
// process, which then ends it.
func startProcess(executable, dir, name string) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, name+".log"), done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the child has its own
	p.cmd = exec.Command(executable, "exchange-end")
	p.cmd.Stderr = log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	// Not StdoutPipe: Wait would close it under a reader.
	out, childOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, p.in.Close(), p.cmd.Stdin.(io.Closer).Close())
	}
	p.cmd.Stdout = childOut
	err = p.cmd.Start()
	err = errors.Join(err, childOut.Close())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), out.Close())
	}
	p.out, p.answers = out, json.NewDecoder(out)
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// callFor is call with a limit: an end that is stuck is killed some time after it should have answered.
func (p *process) callFor(ctx context.Context, planned time.Duration, c command) (answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, planned+callMax,
		fmt.Errorf("%s did not answer in %v", p.name, planned+callMax))
	defer cancel()
	return p.callUntil(ctx, c)
}

// call is callFor of a command that is done at once.
func (p *process) call(ctx context.Context, c command) (answer, error) { return p.callFor(ctx, 0, c) }

// callUntil tells the end a command and waits for its answer. When ctx ends it is killed.
func (p *process) callUntil(ctx context.Context, c command) (a answer, err error) {
	stop := context.AfterFunc(ctx, func() { _ = p.cmd.Process.Kill() })
	defer stop()
	line, err := json.Marshal(&c)
	if err != nil {
		return a, fmt.Errorf("encode command: %w", err)
	}
	if _, err = p.in.Write(append(line, '\n')); err == nil {
		err = p.answers.Decode(&a)
	}
	switch {
	case ctx.Err() != nil:
		return a, context.Cause(ctx)
	case err != nil:
		return a, fmt.Errorf("%s: %w%s", p.name, err, p.lastWords())
	case a.Lost:
		return a, lostError{fmt.Sprintf("%s: %s", p.name, a.Err)}
	case a.Err != "":
		return a, fmt.Errorf("%s: %s", p.name, a.Err)
	}
	return a, nil
}

// lastWords is the end of what it printed.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log)
	if text = bytes.TrimSpace(text); err != nil || len(text) == 0 {
		return ""
	}
	lines := bytes.Split(text, []byte("\n"))
	return ": " + string(lines[len(lines)-1])
}

// close ends the end, by force when it does not end by itself.
func (p *process) close() error {
	_ = p.in.Close()                     // an error says that it is gone
	defer func() { _ = p.out.Close() }() // nothing reads any more
	timer := time.NewTimer(closeMax)
	defer timer.Stop()
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("%s: %w%s", p.name, p.err, p.lastWords())
		}
		return nil
	case <-timer.C:
		_ = p.cmd.Process.Kill() // it fails only when the process is gone
		<-p.done
		return fmt.Errorf("%s did not end in %v and was killed", p.name, closeMax)
	}
}

// lostError is ErrLost of an end.
type lostError struct{ text string }

// Error implements error.
func (l lostError) Error() string { return l.text }

// Unwrap returns ErrLost.
func (l lostError) Unwrap() error { return ErrLost }
