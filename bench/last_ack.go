package bench

import (
	"sync/atomic"
	"time"

	"github.com/raftmark/raftmark/loadgen"
)

// lastAck is a recorder that knows when the last acknowledgement came.
type lastAck struct{ at atomic.Int64 }

// Record implements loadgen.Recorder.
func (l *lastAck) Record(op *loadgen.Op) {
	if op.Outcome != loadgen.OK {
		return
	}
	for {
		before := l.at.Load()
		if before >= int64(op.Done) || l.at.CompareAndSwap(before, int64(op.Done)) {
			return
		}
	}
}

func (l *lastAck) last() time.Duration { return time.Duration(l.at.Load()) }
