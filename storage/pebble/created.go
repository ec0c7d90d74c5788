package pebble

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/storage"
)

// needCreated refuses a folder that had a log and has none: a new one would vote again in terms in which the node has
// voted, as the same disk.
func needCreated(o storage.Options, fsys vfs.FS, claim *storage.Claim) error {
	if !claim.LogCreated() {
		return nil
	}
	dir := storage.LogDir(o.Dir)
	found, err := pebble.Peek(dir, fsys)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("look at raft log: %w", markCorrupt(err))
	case err != nil || !found.Exists:
		return forgotten(dir + " has no log any more")
	}
	return nil
}

// forgotten says that a log, which was created, is not all there.
func forgotten(what string) error {
	return corrupt("%s: the node has forgotten its votes; remove its folder, and add it under a new id", what)
}

// created reports whether the data folder had a whole log before.
func (l *Log) created() bool { return l.claim != nil && l.claim.LogCreated() }

// noteCreated says in the data folder that it has a log and a watermark, which are durable.
func (l *Log) noteCreated() error {
	if l.claim == nil {
		return nil
	}
	return l.claim.NoteLog()
}
