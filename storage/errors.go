package storage

import "errors"

// Sentinels, matched with errors.Is.
var (
	// ErrWrongCluster says that the data folder belongs to another cluster.
	ErrWrongCluster = errors.New("data folder of another cluster")
	// ErrWrongNode says that the data folder belongs to another node.
	ErrWrongNode = errors.New("data folder of another node")
	// ErrLocked says that a live process uses the data folder.
	ErrLocked = errors.New("data folder in use")
	// ErrOtherDisk says that a peer came back with another disk than it was seen with: what it has promised and
	// acknowledged may be forgotten. It must come back under a new node id.
	ErrOtherDisk = errors.New("node with another disk")
	// ErrCorrupt says that stored data is damaged or missing. Nothing of it was changed; the node must not
	// go on.
	ErrCorrupt = errors.New("stored data corrupt")
	// ErrFormat says that the data was written in a format that this program does not know.
	ErrFormat = errors.New("unknown storage format")
)
