package replica_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// ledger is a state machine that remembers every command, in order. What it holds is lost in a crash, but for what a
// view made durable, and what was restored.
type ledger struct {
	disk *ledgerDisk

	mu       sync.Mutex
	applied  raft.Index
	commands [][]byte
	results  int // made
	fail     error
	held     <-chan struct{} // applying waits for its end
}

// hold makes Apply wait until goOn is closed.
func (l *ledger) hold(goOn <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = goOn
}

// ledgerDisk is what a crash leaves of a ledger.
type ledgerDisk struct {
	mu       sync.Mutex
	applied  raft.Index
	commands [][]byte
	slow     time.Duration // that each of persisting, streaming and restoring takes
}

func (d *ledgerDisk) open() *ledger {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &ledger{disk: d, applied: d.applied, commands: d.commands[:len(d.commands):len(d.commands)]}
}

// takes makes persisting, streaming and restoring take so long.
func (d *ledgerDisk) takes(slow time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.slow = slow
}

func (d *ledgerDisk) pause() {
	d.mu.Lock()
	slow := d.slow
	d.mu.Unlock()
	time.Sleep(slow)
}

func (d *ledgerDisk) save(applied raft.Index, commands [][]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if applied > d.applied {
		d.applied, d.commands = applied, commands
	}
}

func (l *ledger) Applied() (raft.Index, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.applied, nil
}

// Apply answers each command with its own bytes.
func (l *ledger) Apply(span raft.Span, results [][]byte) error {
	l.mu.Lock()
	held := l.held
	l.mu.Unlock()
	if held != nil {
		<-held
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	if span.Prev.Index != l.applied {
		return fmt.Errorf("apply after %d, applied %d", span.Prev.Index, l.applied)
	}
	for i, e := range span.Entries {
		if e.Kind == raft.EntryCommand {
			l.commands = append(l.commands, e.Data)
			if results != nil {
				results[i] = e.Data
				l.results++
			}
		}
	}
	l.applied = span.LastIndex()
	return nil
}

func (l *ledger) Snapshot() (raft.View, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &ledgerView{disk: l.disk, applied: l.applied, commands: l.commands[:len(l.commands):len(l.commands)]}, nil
}

func (l *ledger) Restore(index raft.Index, state io.Reader) error {
	l.disk.pause()
	commands, err := readCommands(bufio.NewReader(state))
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	l.applied, l.commands = index, commands
	l.disk.save(index, commands)
	return nil
}

func readCommands(r *bufio.Reader) ([][]byte, error) {
	var commands [][]byte
	for {
		n, err := binary.ReadUvarint(r)
		if errors.Is(err, io.EOF) {
			return commands, nil
		}
		if err != nil {
			return nil, err
		}
		command := make([]byte, n)
		if _, err := io.ReadFull(r, command); err != nil {
			return nil, err
		}
		commands = append(commands, command)
	}
}

func (l *ledger) Close() error { return nil }

func (l *ledger) answered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.results
}

func (l *ledger) list() [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.commands[:len(l.commands):len(l.commands)]
}

type ledgerView struct {
	disk     *ledgerDisk
	applied  raft.Index
	commands [][]byte
}

func (v *ledgerView) Index() raft.Index { return v.applied }

func (v *ledgerView) Persist() error {
	v.disk.pause()
	v.disk.save(v.applied, v.commands)
	return nil
}

func (v *ledgerView) Stream(write func([]byte) error) error {
	v.disk.pause()
	for _, command := range v.commands {
		if err := write(append(binary.AppendUvarint(nil, uint64(len(command))), command...)); err != nil {
			return err
		}
	}
	return nil
}

func (v *ledgerView) Close() error { return nil }
