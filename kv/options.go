package kv

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"

	logpebble "github.com/raftmark/raftmark/storage/pebble"
)

// Bounds and defaults of Options.
const (
	MemTableBytesMin     = 1 << 20
	MemTableBytesMax     = 1 << 30
	MemTableBytesDefault = 32 << 20
	CacheBytesMin        = 1 << 20
	CacheBytesMax        = 1 << 36
	CacheBytesDefault    = 32 << 20
)

// Options say where a machine on Pebble is and how it behaves.
type Options struct {
	// Dir is the folder of the machine, nobody else's; created when missing. Required.
	Dir string `json:"dir"`
	// MemTableBytes is how much is held in memory before it is written to a table, in bytes. Raised: less
	// writing, more memory (up to four times this), and more commands to apply again after a crash.
	// Default: 32 MiB.
	MemTableBytes int `json:"mem_table_bytes"`
	// CacheBytes is the cache of table blocks, in bytes; less while more than one memtable is in use. Raised:
	// faster reads of what is not in memory. Default: 32 MiB.
	CacheBytes int `json:"cache_bytes"`
	// FS is the file system that Dir is on. Default: the operating system's.
	FS vfs.FS `json:"-"`
	// Logger takes life events. Default: none.
	Logger *slog.Logger `json:"-"`
}

// WithDefaults returns a copy with every zero field set to its default.
func (o Options) WithDefaults() Options {
	if o.MemTableBytes == 0 {
		o.MemTableBytes = MemTableBytesDefault
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = CacheBytesDefault
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Validate returns all faults of o, which has its defaults, or nil.
func (o Options) Validate() error {
	var errs []error
	if o.Dir == "" {
		errs = append(errs, errors.New("kv.Dir: empty, need a folder"))
	}
	if o.MemTableBytes < MemTableBytesMin || o.MemTableBytes > MemTableBytesMax {
		errs = append(errs, fmt.Errorf("kv.MemTableBytes: %d, need %d to %d",
			o.MemTableBytes, MemTableBytesMin, MemTableBytesMax))
	}
	if o.CacheBytes < CacheBytesMin || o.CacheBytes > CacheBytesMax {
		errs = append(errs, fmt.Errorf("kv.CacheBytes: %d, need %d to %d",
			o.CacheBytes, CacheBytesMin, int64(CacheBytesMax)))
	}
	return errors.Join(errs...)
}

// MemOptions say where a machine that is in memory keeps what is persisted.
type MemOptions struct {
	// Dir is the folder of the machine, nobody else's; created when missing. Required.
	Dir string `json:"dir"`
	// FS is the file system that Dir is on. Default: the operating system's.
	FS vfs.FS `json:"-"`
}

// WithDefaults returns a copy with every zero field set to its default.
func (o MemOptions) WithDefaults() MemOptions {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	return o
}

// Validate returns all faults of o, or nil.
func (o MemOptions) Validate() error {
	if o.Dir == "" {
		return errors.New("kv.Dir: empty, need a folder")
	}
	return nil
}

// open validates o, which has its defaults, and makes the folder.
func (o MemOptions) open() error {
	if err := o.Validate(); err != nil {
		return err
	}
	return logpebble.MakeDir(o.FS, o.Dir)
}
