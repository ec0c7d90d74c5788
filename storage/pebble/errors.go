package pebble

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// errPrevTerm says that a span does not continue the log that it is appended to.
var errPrevTerm = errors.New("previous entry has another term")

// failure keeps the first error of a store. Pebble reports some only to its logger or its event listener, from its own
// goroutines; they end up here too.
type failure struct {
	logger *slog.Logger
	mu     sync.Mutex
	err    error
}

// set makes err the sticky error, unless there is one already, and returns the sticky one.
func (f *failure) set(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil && err != nil {
		f.err = err
		f.logger.Error("raft log stopped", "err", err)
	}
	return f.err
}

func (f *failure) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// engineLogger is Pebble's logger. Pebble expects Fatalf not to return; where it is called on our own goroutine the
// panic is caught by guard, elsewhere Pebble goes on with an error that it also returns.
type engineLogger struct{ failure *failure }

// Infof implements pebble.Logger; Pebble's informational messages are for its developers.
func (l engineLogger) Infof(string, ...any) {}

// Errorf implements pebble.Logger.
func (l engineLogger) Errorf(format string, args ...any) {
	l.failure.logger.Warn("log engine", "err", fmt.Sprintf(format, args...))
}

// Fatalf implements pebble.Logger: it makes the error sticky instead of ending the process.
func (l engineLogger) Fatalf(format string, args ...any) {
	l.failure.set(fmt.Errorf("log engine: "+format, args...))
}

// guard runs a call of the engine and turns its panics, which it also uses for input and output errors, into an
// error. After a panic the engine may hold its locks for ever, so it must not be called again.
func guard(call func() error) (err error, panicked bool) {
	defer func() {
		if r := recover(); r != nil {
			panicked = true
			if cause, ok := r.(error); ok {
				err = fmt.Errorf("log engine: %w", cause)
			} else {
				err = fmt.Errorf("log engine: %v", r)
			}
		}
	}()
	return call(), false
}
