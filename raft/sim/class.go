package sim

import (
	"fmt"
	"math/bits"
	"strings"
)

// Class is a set of kinds of trouble, and of things that a cluster may do beside serving commands. A run draws which of
// them it has; [Options.Without] takes some away again, so that a failure can be shrunk to those that it needs.
type Class uint32

// The classes.
const (
	Loss       Class = 1 << iota // messages get lost; in connection mode they are late instead
	Duplicate                    // messages arrive twice
	Replay                       // old messages arrive again, also at later lives of a server
	Tail                         // some messages take fifty times as long
	Reset                        // connections break with everything in them
	Clog                         // a link delivers nothing for a while, then everything
	Cut                          // links lose all in one direction
	Partition                    // the network falls into parts: halves, a bridge, a ring, a chain, a lonely leader
	Flap                         // links go down and up by the tenth of a second
	Crash                        // servers crash and start again
	CrashAll                     // all servers crash at one instant
	Torn                         // crashes tear the write that was under way
	Stall                        // disks hang for up to five seconds
	DiskError                    // a sync fails, and what it should have made durable is gone
	Wipe                         // a disk is lost for ever; its server is replaced by a new one
	Freeze                       // servers stand still for up to a minute
	Drift                        // clocks run at half to twice the speed
	Members                      // servers are added, promoted, demoted, removed
	Transfer                     // leadership is handed over
	Compaction                   // logs are compacted, and followers behind them get snapshots
	Lease                        // reads are served by lease
	Damage                       // a disk loses the end of its log, which is noticed at the next start
	Hint                         // servers hear of connections that break, also of some that do not
)

// classesAll has every class.
const classesAll = Hint<<1 - 1

func className(c Class) string {
	names := [...]string{
		"loss", "duplicate", "replay", "tail", "reset", "clog", "cut", "partition", "flap", "crash", "crash-all", "torn",
		"stall", "disk-error", "wipe", "freeze", "drift", "members", "transfer", "compaction", "lease",
		"damage", "hint",
	}
	return names[bits.TrailingZeros32(uint32(c))]
}

func (c Class) has(one Class) bool { return c&one != 0 }

// List returns the single classes of c, in order.
func (c Class) List() []Class {
	var list []Class
	for one := Class(1); one <= classesAll; one <<= 1 {
		if c&one != 0 {
			list = append(list, one)
		}
	}
	return list
}

// String returns the names, with commas between.
func (c Class) String() string {
	var names []string
	for _, one := range c.List() {
		names = append(names, className(one))
	}
	return strings.Join(names, ",")
}

// ParseClasses reads what String writes.
func ParseClasses(text string) (Class, error) {
	var c Class
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		found := false
		for _, one := range classesAll.List() {
			if className(one) == name {
				c |= one
				found = true
			}
		}
		if !found {
			return 0, fmt.Errorf("class %q; want some of %v", name, classesAll)
		}
	}
	return c, nil
}
