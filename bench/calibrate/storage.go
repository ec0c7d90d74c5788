package calibrate

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/internal/datasync"
)

// overwriteBytes is what the honesty probe writes at once: a block of every file system and device that there is.
const overwriteBytes = 4 << 10

// honestSyncMin is the median, of an overwrite of 4 KiB with its fdatasync, below which the sync is not believed: see
// the package comment for where it comes from.
const honestSyncMin = 20 * time.Microsecond

// place is what the system says of where a folder is.
type place struct {
	filesystem string // "ext4"; "overlay on tmpfs"
	device     string // the block device, "nvme0n1p1"; "" when there is none, or none is known
	writeCache string // of the device: write back, write through, or "" when the system does not say
	unstable   string // why nothing there outlives the machine's power; "" when that is not known
	suspicious string // what speaks against its syncs; "" when nothing does
}

// probeStorage finds out where dir is and what its syncs are worth.
func probeStorage(ctx context.Context, dir string, each time.Duration) (result.Storage, error) {
	where := placeOf(dir)
	synced, err := measureWrites(ctx, dir, overwriteBytes, each, datasync.File)
	if err != nil {
		return result.Storage{}, err
	}
	written, err := measureWrites(ctx, dir, overwriteBytes, each/4, func(*os.File) error { return nil })
	if err != nil {
		return result.Storage{}, err
	}
	return result.Storage{
		Verdict: where.judge(synced), Filesystem: where.filesystem, Device: where.device, WriteCache: where.writeCache,
		OverwriteUs: microseconds(synced), WriteUs: microseconds(written),
	}, nil
}

// judge returns the verdict on a place where overwrites and their syncs took so long.
func (p place) judge(synced []time.Duration) string {
	switch {
	case p.unstable != "":
		return result.StorageUnstable + ": " + p.unstable
	case p.suspicious != "":
		return result.StorageSuspicious + ": " + p.suspicious
	case len(synced) == 0:
		return result.StorageSuspicious + ": no sync was measured"
	}
	if median := quantile(synced, 0.5); median < honestSyncMin {
		return fmt.Sprintf("%s: an overwrite of 4 KiB and its sync took %v at the median, less than any flush can take (%v)",
			result.StorageSuspicious, median.Round(100*time.Nanosecond), honestSyncMin)
	}
	return result.StorageHonest
}

// on returns what is known of a place that has another one below it.
func (p place) on(below place) place {
	p.filesystem = strings.TrimSuffix(p.filesystem+" on "+below.filesystem, " on ")
	if p.unstable == "" {
		p.unstable = below.unstable
	}
	if p.suspicious == "" {
		p.suspicious = below.suspicious
	}
	p.device, p.writeCache = below.device, below.writeCache
	return p
}
