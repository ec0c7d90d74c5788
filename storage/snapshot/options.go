package snapshot

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Bounds and defaults of Options.
const (
	BytesMaxDefault = 16 << 30
	BytesMaxMin     = 1 << 10
	BytesMaxMax     = 1 << 46
)

// Options say where snapshots are kept and how large they may be.
type Options struct {
	// Dir is the folder, of snapshots only; created when missing. Required.
	Dir string `json:"dir"`
	// BytesMax bounds one snapshot file, made here or received, in bytes. A larger one is given up at the bound.
	// Raised: a larger state can be handed to followers; up to four times this may be on disk. Default: 16 GiB.
	BytesMax int64 `json:"bytes_max"`
	// FS is the file system that Dir is on. Default: the operating system's.
	FS vfs.FS `json:"-"`
	// Logger takes life events. Default: none.
	Logger *slog.Logger `json:"-"`
}

// WithDefaults returns a copy with every zero field set to its default.
func (o Options) WithDefaults() Options {
	if o.BytesMax == 0 {
		o.BytesMax = BytesMaxDefault
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
		errs = append(errs, errors.New("snapshot.Dir: empty, need a folder"))
	}
	if o.BytesMax < BytesMaxMin || o.BytesMax > BytesMaxMax {
		errs = append(errs, fmt.Errorf("snapshot.BytesMax: %d, need %d to %d", o.BytesMax, BytesMaxMin, int64(BytesMaxMax)))
	}
	return errors.Join(errs...)
}

// ErrTooLarge says that a snapshot is larger than Options.BytesMax. Nothing of it is left.
var ErrTooLarge = errors.New("snapshot too large")
