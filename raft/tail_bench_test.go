package raft

import (
	"fmt"
	"testing"
)

// BenchmarkTail is what the tail alone costs an entry, when it is at its limit: appended, and forgotten.
func BenchmarkTail(b *testing.B) {
	for _, kept := range []int{1024, 65536} {
		b.Run(fmt.Sprintf("kept=%d", kept), func(b *testing.B) {
			const batch = 64
			entries, data := make([]Entry, batch), make([]byte, 128)
			for i := range entries {
				entries[i] = Entry{Term: 1, Kind: EntryCommand, Data: data}
			}
			var t tail
			b.ReportAllocs()
			for done := 0; done < b.N; done += batch {
				t.append(Span{Prev: t.last(), Entries: entries})
				t.forget(t.last().Index, kept, 1<<30, 0, 0)
			}
		})
	}
}
