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

func measureFsync(ctx context.Context, dir string, each time.Duration) (took []time.Duration, err error) {
	file, err := os.CreateTemp(dir, ".calibrate-*")
	if err != nil {
		return nil, fmt.Errorf("create a file to sync: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	if _, err := file.Write(make([]byte, fsyncFileBytes)); err != nil {
		return nil, fmt.Errorf("fill the file to sync: %w", err)
	}
	if err := file.Sync(); err != nil {
		return nil, fmt.Errorf("sync: %w", err)
	}
	block := make([]byte, fsyncBytes)
	end := time.Now().Add(each)
	for at := int64(0); ctx.Err() == nil; at = (at + fsyncBytes) % fsyncFileBytes {
		start := time.Now()
		if start.After(end) {
			break
		}
		block[0]++
		if _, err := file.WriteAt(block, at); err != nil {
			return nil, fmt.Errorf("write: %w", err)
		}
		if err := datasync(file); err != nil {
			return nil, fmt.Errorf("sync: %w", err)
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}
