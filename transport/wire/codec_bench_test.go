package wire

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// benchAppend is an AppendEntries with so many entries of 128 bytes, encoded once, as the leader's driver does it.
func benchAppend(count int) raft.Message {
	m := raft.Message{Kind: raft.MsgAppend, From: 1, To: 2, Term: 7, Commit: 70_000, Seq: 12}
	m.Span.Prev = raft.EntryID{Term: 7, Index: 70_000}
	for range count {
		m.Span.Entries = append(m.Span.Entries, raft.Entry{Term: 7, Kind: raft.EntryCommand, Data: make([]byte, 128)})
	}
	m.Span.Encoded = raft.AppendEntries(nil, m.Span.Entries)
	return m
}

// BenchmarkEncodeFrame makes a frame of one AppendEntries. One operation is one message.
func BenchmarkEncodeFrame(b *testing.B) {
	for _, count := range []int{1, 64} {
		b.Run(fmt.Sprintf("entries=%d", count), func(b *testing.B) {
			m := benchAppend(count)
			var e Encoder
			b.ReportAllocs()
			for b.Loop() {
				e.Reset()
				e.Add(&m)
				if frame := e.Frame(); len(frame) == 0 {
					b.Fatal("no frame")
				}
			}
			b.SetBytes(int64(e.Bytes()))
		})
	}
}

// BenchmarkDecodeFrame reads such a frame and decodes its message.
func BenchmarkDecodeFrame(b *testing.B) {
	for _, count := range []int{1, 64} {
		b.Run(fmt.Sprintf("entries=%d", count), func(b *testing.B) {
			m := benchAppend(count)
			var e Encoder
			e.Reset()
			e.Add(&m)
			frame := bytes.Join(e.Frame(), nil)
			src := bytes.NewReader(frame)
			r := NewReader(src, len(frame))
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				src.Reset(frame)
				f, err := r.Next()
				if err != nil {
					b.Fatal(err)
				}
				var got raft.Message
				if _, err := DecodeMessage(f.Payload, &got); err != nil || len(got.Span.Entries) != count {
					b.Fatalf("%d entries of %d: %v", len(got.Span.Entries), count, err)
				}
			}
		})
	}
}
