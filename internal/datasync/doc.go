// Package datasync makes the data of a file durable, without the metadata that reading it back does not need.
//
//	err := datasync.File(f)
//
// On Linux it is fdatasync, elsewhere what os.File.Sync is. It tries nothing again: after a failed sync nobody knows
// what is on the disk.
package datasync
