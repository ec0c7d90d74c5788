package pebble

import "github.com/raftmark/raftmark/storage"

// Life returns what peers are told of this opening, see storage.Claim. It is zero on a file system given by a test.
func (l *Log) Life() storage.Life {
	if l.claim == nil {
		return storage.Life{}
	}
	return l.claim.Life()
}

// Adoptions returns how often the data folder was claimed as a copy, see storage.Claim.
func (l *Log) Adoptions() uint64 {
	if l.claim == nil {
		return 0
	}
	return l.claim.Adoptions()
}
