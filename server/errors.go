package server

import (
	"strings"

	"github.com/raftmark/raftmark/storage"

	"errors"
)

// ConfigError says that the configuration is at fault, not the machine: nothing was started.
type ConfigError struct{ Err error }

// Error joins the faults into one line.
func (e ConfigError) Error() string { return strings.ReplaceAll(e.Err.Error(), "\n", "; ") }

// Unwrap returns the faults.
func (e ConfigError) Unwrap() error { return e.Err }

// IsConfig reports whether err is the configuration's fault: an impossible value, or the data folder of another
// node or cluster.
func IsConfig(err error) bool {
	var config ConfigError
	return errors.As(err, &config) || errors.Is(err, storage.ErrWrongCluster) || errors.Is(err, storage.ErrWrongNode)
}
