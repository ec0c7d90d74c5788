package progress

import "testing"

// BenchmarkPipeline keeps a window of 64 messages full: one operation is one message sent and one acknowledged.
func BenchmarkPipeline(b *testing.B) {
	const window = 64
	p := New(0, window, 1<<20)
	p.Accepted(0) // a probe was answered
	sent, acked := uint64(0), uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		for p.CanSend() {
			sent++
			p.Sent(sent, 128)
		}
		acked++
		if !p.Accepted(acked) {
			b.Fatalf("%d was not news: match %d", acked, p.Match)
		}
	}
	if p.State != Replicate || sent-acked >= window {
		b.Fatalf("%v, %d sent, %d acknowledged", p.State, sent, acked)
	}
}
