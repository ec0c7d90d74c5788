package server

import (
	"errors"
	"fmt"
	"strings"

	"github.com/raftmark/raftmark/storage"
)

// ConfigError says that the configuration is at fault, not the machine: nothing was started.
type ConfigError struct{ Err error }

// Error joins the faults into one line.
func (e ConfigError) Error() string { return strings.ReplaceAll(e.Err.Error(), "\n", "; ") }

// Unwrap returns the faults.
func (e ConfigError) Unwrap() error { return e.Err }

// IsConfig reports whether err is the configuration's fault: an impossible value, or the data folder of another
// node or cluster, or a copy of one.
func IsConfig(err error) bool {
	var config ConfigError
	return errors.As(err, &config) || errors.Is(err, storage.ErrWrongCluster) || errors.Is(err, storage.ErrWrongNode) ||
		errors.Is(err, storage.ErrCopied)
}

// copiedAdvice says what a copied data folder may do, and the two ways out.
const copiedAdvice = "the node does not start, because two nodes with one set of votes, or a node that has " +
	"forgotten votes and entries that it acknowledged, can undo writes that clients were told are safe; add a node " +
	"under a new id, with an empty folder (raftmark ctl members add), or, when the disk was moved as it was and the " +
	"original is gone for good, start once with raftmark node --adopt-copied-folder (adopt_copied_folder: true)"

// adviseCopied adds the advice to an error that needs it.
func adviseCopied(err error) error {
	if errors.Is(err, storage.ErrCopied) {
		return fmt.Errorf("%w; %s", err, copiedAdvice)
	}
	return err
}
