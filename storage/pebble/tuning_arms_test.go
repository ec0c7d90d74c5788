package pebble

import (
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/raftmark/raftmark/storage"
)

// arm is the log with one tuning undone, or with another choice in its place.
type arm struct {
	name string
	// options and disk change the options and the disk as shipped.
	options func(*storage.Options)
	disk    func(*countingFS)
	// tune returns the tuning, and what ends it after the log was closed.
	tune func() (tuning, func())
	// how the log is driven.
	how driving
}

func engineArm(name string, change func(*pebble.Options)) arm {
	return arm{name: name, tune: func() (tuning, func()) { return tuning{engine: change}, func() {} }}
}

func tuningArm(name string, t tuning) arm {
	return arm{name: name, tune: func() (tuning, func()) { return t, func() {} }}
}

func memTableArm(name string, bytes int) arm {
	return arm{name: name, options: func(o *storage.Options) {
		o.MemTableBytes = bytes
		if o.WALPrimeBytes != storage.WALPrimeOff {
			o.WALPrimeBytes = 2 * bytes
		}
	}}
}

func primeOff(o *storage.Options) { o.WALPrimeBytes = storage.WALPrimeOff }

// shippedArm is what all others are compared with; againArm is the same once more, and shows what chance does.
const (
	shippedArm = "as shipped"
	againArm   = "as shipped, again"
)

// arms returns the log as shipped, and then all that it is compared with.
func arms() []arm {
	all := []arm{{name: shippedArm}, {name: againArm}}
	all = append(all, keptArms()...)
	all = append(all, syncArms()...)
	return append(all, triedArms()...)
}

// keptArms undo what is shipped.
func keptArms() []arm {
	return []arm{
		tuningArm("format 016, first WAL kept", tuning{reopenOff: true, engine: func(o *pebble.Options) {
			o.FormatMajorVersion = pebble.FormatVirtualSSTables // compaction needs it; WALs are as in the oldest
		}}),
		{name: "WALs not primed", options: primeOff},
		memTableArm("memtable 4 MiB", 4<<20),
		memTableArm("memtable 64 MiB", 64<<20),
		engineArm("tables compressed", func(o *pebble.Options) {
			o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionFastest })
		}),
		engineArm("L0 thresholds of the engine", func(o *pebble.Options) {
			o.L0CompactionThreshold, o.L0CompactionFileThreshold, o.L0StopWritesThreshold = 4, 500, 12
		}),
		engineArm("second level from 64 MiB on", func(o *pebble.Options) { o.LBaseMaxBytes = 64 << 20 }),
		tuningArm("hard state among the runs", tuning{guardOff: true, engine: func(o *pebble.Options) {
			o.Experimental.SpanPolicyFunc = nil
		}}),
		tuningArm("compacted runs stay in memory", tuning{forgetOff: true}),
		tuningArm("no FailStopFS", tuning{failStopOff: true}),
		{name: "watermark always syncing", options: func(o *storage.Options) {
			o.WatermarkSyncInterval = storage.WatermarkSyncAlways
		}},
		tuningArm("no watermark", tuning{watermarkOff: true}),
	}
}

// syncArms are the ways to wait for a sync, see docs/adr/0012-batches-without-waiting.md.
func syncArms() []arm {
	return []arm{
		{name: "Apply(Sync)", tune: plainApply},
		{name: "LogData(Sync) by the waiter", tune: waiterSync},
		{name: "pipelined", how: drivingPipelined},
		{name: "pipelined, Apply(Sync) of all that waits", how: drivingPipelined, tune: mergedApply},
		{name: "pipelined, LogData(Sync)", how: drivingPipelined, tune: logDataSync},
		{name: "pipelined, LogData(Sync) by the waiter", how: drivingPipelined, tune: waiterSync},
		{name: "pipelined, one append an entry", how: drivingEach},
	}
}

// triedArms are choices that were tried, and are not shipped.
func triedArms() []arm {
	return []arm{
		engineArm("WALMinSyncInterval 500 µs", func(o *pebble.Options) {
			o.WALMinSyncInterval = func() time.Duration { return 500 * time.Microsecond }
		}),
		engineArm("WALBytesPerSync 1 MiB", func(o *pebble.Options) { o.WALBytesPerSync = 1 << 20 }),
		{name: "no fallocate", disk: func(f *countingFS) { f.preallocateOff = true }},
		{name: "not primed, no fallocate", options: primeOff, disk: func(f *countingFS) { f.preallocateOff = true }},
		engineArm("2 memtables", func(o *pebble.Options) { o.MemTableStopWritesThreshold = 2 }),
		engineArm("6 memtables", func(o *pebble.Options) { o.MemTableStopWritesThreshold = 6 }),
		engineArm("no automatic compactions", func(o *pebble.Options) { o.DisableAutomaticCompactions = true }),
	}
}
