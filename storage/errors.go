package storage

import "errors"

// Sentinels, matched with errors.Is.
var (
	// ErrWrongCluster says that the data folder belongs to another cluster.
	ErrWrongCluster = errors.New("data folder of another cluster")
	// ErrWrongNode says that the data folder belongs to another node.
	ErrWrongNode = errors.New("data folder of another node")
	// ErrCopied says that the data folder, or a part of it, is not where it was written: it was copied, or restored from
	// a backup. Two nodes would share one set of promises, or what was promised since the backup is forgotten.
	ErrCopied = errors.New("data folder is a copy")
	// ErrLocked says that a live process uses the data folder.
	ErrLocked = errors.New("data folder in use")
	// ErrOtherDisk says that a peer came back with another disk than it was seen with: what it has promised and
	// acknowledged may be forgotten. It must come back under a new node id.
	ErrOtherDisk = errors.New("node with another disk")
	// ErrRolledBack says that a peer came back as it was before a life that was seen of it, or beside that: its data
	// folder was rolled back or copied, and what it has promised and acknowledged may be forgotten. It must come back
	// under a new node id.
	ErrRolledBack = errors.New("node with an older state of its disk")
	// ErrCorrupt says that stored data is damaged or missing. Nothing of it was changed; the node must not
	// go on.
	ErrCorrupt = errors.New("stored data corrupt")
	// ErrFormat says that the data was written in a format that this program does not know.
	ErrFormat = errors.New("unknown storage format")
)
