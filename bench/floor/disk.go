package floor

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/raftmark/raftmark/internal/datasync"
)

// disk writes frames to a file that was written before, round and round, with one sync for all that wait.
type disk struct {
	file  *os.File
	size  int
	at    int
	done  func(upto uint64, err error)
	ended chan struct{}

	mu     sync.Mutex
	more   sync.Cond
	frames [][]byte
	upto   uint64 // the last command in frames
	closed bool
}

// openDisk makes the file, and writes all of it. done is told, in order and by one goroutine, what is durable.
func openDisk(path string, size int, done func(uint64, error)) (*disk, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	zeros := make([]byte, 1<<20)
	for at := 0; at < size && err == nil; at += len(zeros) {
		_, err = file.WriteAt(zeros[:min(len(zeros), size-at)], int64(at))
	}
	if err = errors.Join(err, file.Sync()); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare %s: %w", path, err), file.Close())
	}
	d := &disk{file: file, size: size, done: done, ended: make(chan struct{})}
	d.more.L = &d.mu
	go d.run()
	return d, nil
}

// write takes a frame, which is not changed from now on.
func (d *disk) write(frame []byte, upto uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.frames = append(d.frames, frame)
	d.upto = upto
	d.more.Signal()
}

func (d *disk) run() {
	defer close(d.ended)
	var frames [][]byte
	var joined []byte
	for {
		var upto uint64
		d.mu.Lock()
		for len(d.frames) == 0 && !d.closed {
			d.more.Wait()
		}
		if d.closed {
			d.mu.Unlock()
			return
		}
		frames, d.frames, upto = d.frames, frames[:0], d.upto
		d.mu.Unlock()
		bytes := frames[0]
		if len(frames) > 1 {
			joined = joined[:0]
			for _, frame := range frames {
				joined = append(joined, frame...)
			}
			bytes = joined
		}
		clear(frames)
		d.done(upto, d.sync(bytes))
	}
}

// sync makes bytes durable, behind what was written before or from the beginning again.
func (d *disk) sync(bytes []byte) error {
	if len(bytes) > d.size {
		return fmt.Errorf("floor: %d bytes at once, the file has %d", len(bytes), d.size)
	}
	if d.at+len(bytes) > d.size {
		d.at = 0
	}
	if _, err := d.file.WriteAt(bytes, int64(d.at)); err != nil {
		return err
	}
	d.at += len(bytes)
	return datasync.File(d.file)
}

func (d *disk) close() error {
	d.mu.Lock()
	d.closed = true
	d.more.Signal()
	d.mu.Unlock()
	<-d.ended
	return errors.Join(d.file.Close(), os.Remove(d.file.Name()))
}
