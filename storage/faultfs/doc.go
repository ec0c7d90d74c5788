// Package faultfs is a file system of Pebble's kind that delays, stalls or fails what goes through it, on command,
// while it is in use.
//
//	log, machine, snapshots ──► FS ── rules, in their order ──► base
//	                             ▲
//	admin port, tests ── Add, Clear, Rules
//
// The smallest use:
//
//	fs := faultfs.NewIn(nil, dataDir)      // over the operating system's
//	err := fs.Add(faultfs.Rule{Op: faultfs.Sync, Path: "log/", Action: faultfs.Stall})
//	fs.Clear()
//
// # Rules
//
// Each operation belongs to at most one kind:
//
//	sync     Sync, SyncData and SyncTo, of files and of folders
//	write    Write, WriteAt, Preallocate
//	read     Read, ReadAt
//	create   Create, OpenReadWrite, ReuseForWrite, Link, Rename, MkdirAll
//	remove   Remove, RemoveAll
//	any      each of these
//
// A rule is for the operations of one kind on paths that contain a text. Paths are told relative to the folder of
// NewIn, with slashes, and a folder's own has one at its end: "log/" is every file of the folder log, and the folder.
// Of an operation with two names the new one counts, and a file keeps the name that it was opened with.
//
// A rule skips the first After operations that it is for, acts upon the next Count, or on all, and then does no more.
// An operation goes through the rules in the order in which they were added. Each counts it. A delay and a stall hold
// it up, then it goes on; an error ends it: a *fs.PathError with the real error number. A short write has written half
// of its bytes before.
//
// # Obligations of the caller
//
//  1. Put the sync before what it vouches for, as with any file system: what is held up or failed here was not done.
//  2. Clear or Close before waiting for somebody who may be held up.
//
// # Invariants
//
//  1. Without rules an operation costs one atomic load more than without this package.
//  2. An operation is done once, or not at all; a short write is half done.
//  3. Whatever is held up goes on when its rule is cleared or the file system is closed.
//
// # What it does not do
//
// It does not touch data: for what a crash loses there is vfs.NewCrashableMem, and for damaged bytes the tests write
// them. It does not fail an opening for reading, a listing, or a Close.
package faultfs
