package loadgen

import (
	"testing"
	"time"
)

// BenchmarkRecord records one operation that went well.
func BenchmarkRecord(b *testing.B) {
	h := NewHistograms()
	op := Op{Outcome: OK, Attempts: 1}
	b.ReportAllocs()
	for b.Loop() {
		op.Intended += 100 * time.Microsecond
		op.Dispatched, op.Sent = op.Intended, op.Intended+10*time.Microsecond
		op.Done = op.Sent + time.Duration(op.Seq%5000)*time.Microsecond
		op.Seq++
		h.Record(&op)
	}
	if got := h.stats.OK; got != int64(op.Seq) {
		b.Fatalf("recorded %d of %d", got, op.Seq)
	}
}
