package storage

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// Sync is a durability class: what a completed wait of a log promises.
type Sync string

const (
	// SyncFsync: the write is on stable storage; it survives a power loss.
	SyncFsync Sync = "fsync"
	// SyncNone: the write was handed to the storage engine, and the wait does not wait: a crash of the
	// process or of the machine may lose it. Only for measuring what durability costs.
	SyncNone Sync = "none"
)

// Bounds and defaults of Options.
const (
	ClusterBytesMax      = 64
	MemTableBytesMin     = 1 << 20
	MemTableBytesMax     = 1 << 30
	MemTableBytesDefault = 32 << 20
	CacheBytesMin        = 1 << 20
	CacheBytesMax        = 1 << 36
	CacheBytesDefault    = 8 << 20
	// WALPrimeOff switches priming off.
	WALPrimeOff = -1
	// WALPrimeBytesMax bounds what one opening may write in advance.
	WALPrimeBytesMax = 1 << 30
	// WALPrimeBytesDefault is two write-ahead logs of the default memtable.
	WALPrimeBytesDefault = 2 * MemTableBytesDefault
	// WatermarkSyncAlways syncs the watermark as often as the disk allows.
	WatermarkSyncAlways          = -1
	WatermarkSyncIntervalMin     = time.Millisecond
	WatermarkSyncIntervalMax     = time.Minute
	WatermarkSyncIntervalDefault = 100 * time.Millisecond
)

// Options say where a node's stable storage is and how it behaves.
type Options struct {
	// Dir is the data folder of the node; created when missing. Required.
	Dir string `json:"dir"`
	// Cluster is the name of the cluster: 1 to 64 of the characters a-z A-Z 0-9 . _ -. Required. A folder
	// of another cluster is refused.
	Cluster string `json:"cluster"`
	// Node is the id of the node, not zero. Required. A folder of another node is refused.
	Node raft.NodeID `json:"node"`
	// Sync is the durability class. Default: SyncFsync.
	Sync Sync `json:"sync"`
	// MemTableBytes is how much of the log is held in memory before it is written to a table, in bytes;
	// also the size to which a write-ahead log grows. Raised: rarer flushes (each of them disturbs the
	// syncs beside it), more memory (up to three times this), longer recovery. Default: 32 MiB.
	MemTableBytes int `json:"mem_table_bytes"`
	// CacheBytes is the cache for log entries that are read back from tables, in bytes; less while more than
	// one memtable is in use. Raised: faster catch-up of several slow followers at once, more memory.
	// Default: 8 MiB.
	CacheBytes int `json:"cache_bytes"`
	// WALPrimeBytes is how much is written at each opening into write-ahead logs that are then recycled, in
	// bytes: a sync that overwrites a file is faster than one that makes it longer. Raised: the fast state
	// lasts until recycling has taken over by itself, opening takes longer. WALPrimeOff: none. Default: 64
	// MiB with SyncFsync.
	WALPrimeBytes int `json:"wal_prime_bytes"`
	// AdoptCopied claims a folder that is a copy, too, as the folder that it is a copy of: for a disk that was moved.
	// Whoever sets it knows that the original is gone for good, and not older than the copy. Default: such a folder is
	// refused (ErrCopied).
	AdoptCopied bool `json:"adopt_copied,omitempty"`
	// WatermarkSyncInterval is how often, at most, the watermark is synced, which says beside the log how far it was
	// durable. Damage to the end of the log is found for sure after a crash of the process, and after a power loss
	// unless all of what is damaged was written within this interval before it. Raised: more can be lost unnoticed by a
	// disk that loses it. Lowered: more syncs beside those of the log, which make some of them wait.
	// WatermarkSyncAlways: one after the other, which about doubles the syncs of a busy log. Votes do not depend on it.
	// Not used with SyncNone. Default: 100 ms, so that not one in a hundred syncs of a fast disk meets one.
	WatermarkSyncInterval time.Duration `json:"watermark_sync_interval"`
	// Logger takes life events. Default: none.
	Logger *slog.Logger `json:"-"`
}

// WithDefaults returns a copy with every zero field set to its default.
func (o Options) WithDefaults() Options {
	if o.Sync == "" {
		o.Sync = SyncFsync
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = MemTableBytesDefault
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = CacheBytesDefault
	}
	if o.WALPrimeBytes == 0 {
		o.WALPrimeBytes = WALPrimeBytesDefault
		if o.Sync == SyncNone {
			o.WALPrimeBytes = WALPrimeOff
		}
	}
	if o.WatermarkSyncInterval == 0 {
		o.WatermarkSyncInterval = WatermarkSyncIntervalDefault
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
		errs = append(errs, errors.New("storage.Dir: empty, need a folder"))
	}
	if err := checkCluster(o.Cluster); err != nil {
		errs = append(errs, err)
	}
	if o.Node == raft.None {
		errs = append(errs, errors.New("storage.Node: 0, need at least 1"))
	}
	if o.Sync != SyncFsync && o.Sync != SyncNone {
		errs = append(errs, fmt.Errorf("storage.Sync: %q, need %q or %q", o.Sync, SyncFsync, SyncNone))
	}
	if o.MemTableBytes < MemTableBytesMin || o.MemTableBytes > MemTableBytesMax {
		errs = append(errs, fmt.Errorf("storage.MemTableBytes: %d, need %d to %d",
			o.MemTableBytes, MemTableBytesMin, MemTableBytesMax))
	}
	if o.CacheBytes < CacheBytesMin || o.CacheBytes > CacheBytesMax {
		errs = append(errs, fmt.Errorf("storage.CacheBytes: %d, need %d to %d",
			o.CacheBytes, CacheBytesMin, int64(CacheBytesMax)))
	}
	if o.WALPrimeBytes != WALPrimeOff && (o.WALPrimeBytes < 1 || o.WALPrimeBytes > WALPrimeBytesMax) {
		errs = append(errs, fmt.Errorf("storage.WALPrimeBytes: %d, need 1 to %d, or %d for none",
			o.WALPrimeBytes, WALPrimeBytesMax, WALPrimeOff))
	}
	if d := o.WatermarkSyncInterval; d != WatermarkSyncAlways &&
		(d < WatermarkSyncIntervalMin || d > WatermarkSyncIntervalMax) {
		errs = append(errs, fmt.Errorf("storage.WatermarkSyncInterval: %v, need %v to %v, or %d for no pause",
			d, WatermarkSyncIntervalMin, WatermarkSyncIntervalMax, WatermarkSyncAlways))
	}
	return errors.Join(errs...)
}

func checkCluster(cluster string) error {
	if len(cluster) < 1 || len(cluster) > ClusterBytesMax {
		return fmt.Errorf("storage.Cluster: %d bytes, need 1 to %d", len(cluster), ClusterBytesMax)
	}
	for _, c := range []byte(cluster) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return fmt.Errorf("storage.Cluster: %q, need only a-z A-Z 0-9 . _ -", cluster)
		}
	}
	return nil
}

// LogDir returns the folder of the raft log in the data folder dir.
func LogDir(dir string) string { return filepath.Join(dir, "log") }

// WatermarkName is the name of the raft log's watermark in the data folder.
const WatermarkName = "WATERMARK"

// MachineDir returns the folder of the state machine in the data folder dir.
func MachineDir(dir string) string { return filepath.Join(dir, "kv") }

// SnapshotDir returns the folder of snapshots in the data folder dir.
func SnapshotDir(dir string) string { return filepath.Join(dir, "snapshot") }
