package result

import "strings"

// Durability is a durability class: what the nodes of an arm waited for before they acknowledged a write.
type Durability string

// The classes. Results of before there were any have "".
const (
	DurabilityFsync Durability = "fsync" // it was synced to the disks of a majority
	DurabilityNone  Durability = "none"  // it was given to the operating systems of a majority, or soon would be
	DurabilityMem   Durability = "mem"   // it was in the memory of a majority of processes
)

// Storage is what calibration found out about where the data are.
type Storage struct {
	// Verdict is "honest": nothing speaks against it that a sync keeps what was written; "suspicious: why"; or "no stable
	// storage: why".
	Verdict string `json:"verdict"`
	// Filesystem is its type, Device the block device below it, and WriteCache the kernel's view of the device's cache:
	// "write back" is flushed by a sync, "write through" needs no flush. Each "" when the system does not say.
	Filesystem string `json:"filesystem"`
	Device     string `json:"device"`
	WriteCache string `json:"write_cache"`
	// OverwriteUs is of an overwrite of 4 KiB with its fdatasync; WriteUs of the overwrite alone.
	OverwriteUs Quantiles `json:"overwrite_us"`
	WriteUs     Quantiles `json:"write_us"`
}

// The first words of Storage.Verdict.
const (
	StorageHonest     = "honest"
	StorageSuspicious = "suspicious"
	StorageUnstable   = "no stable storage"
)

// Stable says whether nothing speaks against the storage. A result of before there was a verdict is believed.
func (s Storage) Stable() bool { return s.Verdict == "" || strings.HasPrefix(s.Verdict, StorageHonest) }
