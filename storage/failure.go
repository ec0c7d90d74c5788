package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Failure keeps the first error of a storage engine, which stops the node (fail-stop). It is also the
// engine's logger and the target of its background errors, because Pebble tells of some errors nowhere
// else. The zero value is not usable.
type Failure struct {
	name    string
	logger  *slog.Logger
	opening atomic.Bool
	mu      sync.Mutex
	err     error
	failed  chan struct{} // closed when err is set
}

// NewFailure returns a Failure of the engine of the given name, which logs to logger.
func NewFailure(name string, logger *slog.Logger) *Failure {
	return &Failure{name: name, logger: logger, failed: make(chan struct{})}
}

// Set makes err the sticky error, unless there is one already or err is nil, and returns the sticky one.
func (f *Failure) Set(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil && err != nil {
		f.err = err
		close(f.failed)
		f.logger.Warn(f.name+" stopped", "err", err) // whoever owns the engine says what becomes of the node
	}
	return f.err
}

// Get returns the sticky error, or nil.
func (f *Failure) Get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// Failed is closed when there is a sticky error: also when nobody calls the engine, which then fails in its own work.
func (f *Failure) Failed() <-chan struct{} { return f.failed }

// Background takes an error of the engine's own work. An engine would try again; we do not.
func (f *Failure) Background(err error) {
	_ = f.Set(fmt.Errorf("%s: %w", f.name, err))
	if f.opening.Load() {
		// See Open: nobody will use this engine, and trying again would keep a processor busy for ever.
		runtime.Goexit()
	}
}

// openGrace is how long a failed opening may take to return by itself.
const openGrace = 200 * time.Millisecond

// Open runs open, which opens the engine, and returns its error or the sticky one. Pebble writes what it
// recovers to tables while it opens, and tries for ever when that fails; so open runs on a goroutine of its
// own, which is left behind waiting if it does not return after a failure. What open has opened by then
// must not be used.
func (f *Failure) Open(open func() error) error {
	f.opening.Store(true)
	defer f.opening.Store(false)
	done := make(chan error, 1)
	go func() {
		err, _ := f.Guard(open)
		done <- err
	}()
	select {
	case err := <-done:
		return errors.Join(err, f.Get())
	case <-f.failed:
	}
	select {
	case err := <-done:
		return errors.Join(err, f.Get())
	case <-time.After(openGrace):
		return f.Get()
	}
}

// Infof takes the engine's informational messages, which are for its developers.
func (f *Failure) Infof(string, ...any) {}

// Errorf takes the engine's messages about errors that it also returns.
func (f *Failure) Errorf(format string, args ...any) {
	f.logger.Warn(f.name, "err", fmt.Sprintf(format, args...))
}

// Fatalf takes the errors at which the engine expects the process to end. They become sticky instead; the
// engine then goes on with an error that it also returns, or panics, see Guard.
func (f *Failure) Fatalf(format string, args ...any) {
	_ = f.Set(fmt.Errorf(f.name+": "+format, args...))
}

// Guard runs a call of the engine and turns its panics, which it also uses for input and output errors,
// into an error. After a panic the engine may hold its locks for ever, so it must not be called again.
func (f *Failure) Guard(call func() error) (err error, panicked bool) {
	defer func() {
		if r := recover(); r != nil {
			panicked = true
			if cause, ok := r.(error); ok {
				err = fmt.Errorf("%s: %w", f.name, cause)
			} else {
				err = fmt.Errorf("%s: %v", f.name, r)
			}
		}
	}()
	return call(), false
}
