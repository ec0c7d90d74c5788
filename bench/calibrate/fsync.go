package calibrate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// The shape of a raft log's write: small, appended, into space that the file has already.
const (
	fsyncBytes     = 512
	fsyncFileBytes = 4 << 20
)

// filledFile makes a file whose space is there already, and says how to be rid of it.
func filledFile(dir string) (file *os.File, remove func() error, err error) {
	file, err = os.CreateTemp(dir, ".calibrate-*")
	if err != nil {
		return nil, nil, fmt.Errorf("create a file to sync: %w", err)
	}
	remove = func() error { return errors.Join(file.Close(), os.Remove(file.Name())) }
	if _, err := file.Write(make([]byte, fsyncFileBytes)); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("fill the file to sync: %w", err), remove())
	}
	if err := file.Sync(); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("sync: %w", err), remove())
	}
	return file, remove, nil
}

// measureWrites writes over a file in steps of some bytes, one after the other, with sync after each, and returns how
// long each took.
func measureWrites(
	ctx context.Context, dir string, bytes int, each time.Duration, sync func(*os.File) error,
) (took []time.Duration, err error) {
	file, remove, err := filledFile(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	block := make([]byte, bytes)
	end := time.Now().Add(each)
	for at := int64(0); ctx.Err() == nil; at = (at + int64(bytes)) % fsyncFileBytes {
		start := time.Now()
		if start.After(end) {
			break
		}
		block[0]++
		if _, err := file.WriteAt(block, at); err != nil {
			return nil, fmt.Errorf("write: %w", err)
		}
		if err := sync(file); err != nil {
			return nil, fmt.Errorf("sync: %w", err)
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}
