package raft_test

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/raftmark/raftmark/raft"
)

// hostile is one core among hostile peers, with an honest disk and machine that get as far as the program lets them.
type hostile struct {
	t    *testing.T
	in   []byte
	at   int
	cfg  raft.Config
	core *raft.Core

	// What was handed over. Invariant: a span or a write that is durable was handed over before all that are not.
	base    raft.EntryID // the log begins after it
	entries []raft.Entry
	writes  []hostileWrite
	applies []raft.Apply
	restore []raft.Snapshot // they take the place of what the machine holds, before what is in applies
	fetches []raft.Fetch
	reads   []raft.ReadChunk
	stores  []raft.StoreChunk

	hard    raft.HardState // durable
	durable raft.Index
	applied raft.Index

	sent     []raft.Message // the latest
	last     raft.Message   // given to the core
	did      any            // printed when something is wrong
	seq      uint64         // of the latest message sent
	accepted uint64         // bytes of the snapshot that comes in
	token    uint64
	steps    int
	ticked   uint64
	heardAt  uint64
	starts   uint64
	term     raft.Term
	vote     raft.NodeID
	commit   raft.Index
}

type hostileWrite struct {
	id    raft.WriteID
	hard  raft.HardState
	upto  raft.Index
	sends int // messages that wait for it
}

// sentMax bounds the messages that an honest answer can be given to.
const sentMax = 64

func newHostile(t *testing.T, program []byte) *hostile {
	h := &hostile{t: t, in: program}
	shape := h.byte()
	h.cfg = raft.Config{
		ID: 1, Voters: []raft.NodeID{1, 2, 3}, ElectionTicksMin: 10, HeartbeatTicks: 2, Seed: uint64(shape),
		UncommittedEntriesMax: 8, UncommittedBytesMax: 2 << 10, TailEntriesMax: 8, TailBytesMax: 2 << 10,
		MessageEntriesMax: 4, MessageBytesMax: 1 << 10, InflightMessagesMax: 4, InflightBytesMax: 2 << 10,
		ApplyBytesMax: 1 << 10, SnapshotChunkBytes: 128, SnapshotInflightBytes: 512, ReadsMax: 8,
		NoPreVote: shape&1 != 0, AdaptiveWindow: shape&2 != 0,
	}
	if shape&4 != 0 {
		h.cfg.LeaseNanos = 1
	}
	if shape&8 != 0 {
		h.cfg.Voters = nil // it joins
	}
	h.begin(raft.Boot{})
	return h
}

func (h *hostile) begin(boot raft.Boot) {
	h.starts++
	h.cfg.Incarnation = h.starts
	core, err := raft.New(h.cfg, boot)
	if err != nil {
		h.t.Fatalf("start %d: %v", h.starts, err)
	}
	h.core = core
	h.term, h.vote, h.commit = core.Term(), core.Status().Vote, core.CommitIndex()
	h.ticked, h.heardAt = 0, math.MaxUint64
}

func (h *hostile) left() bool { return h.at < len(h.in) }

// byte returns the program's next byte, and zeros after its end.
func (h *hostile) byte() byte {
	if !h.left() {
		return 0
	}
	h.at++
	return h.in[h.at-1]
}

func (h *hostile) bytes(n int) []byte {
	b := h.in[min(h.at, len(h.in)):min(h.at+n, len(h.in))]
	h.at += len(b)
	return b
}

// number draws any number; most are close to near.
func (h *hostile) number(near uint64) uint64 {
	b := h.byte()
	small := uint64(b >> 4)
	switch b & 0xf {
	case 0:
		return small
	case 1:
		return math.MaxUint64 - small
	case 2:
		return 1<<62 + small - 8
	case 3:
		return 1<<63 + small - 8
	case 4:
		var raw [8]byte
		copy(raw[:], h.bytes(8))
		return binary.LittleEndian.Uint64(raw[:])
	case 5:
		return near + 1000*small
	case 6, 7:
		return near + small - 8
	case 8, 9:
		return near - small
	default:
		return near + small/8
	}
}

// size draws a number of bytes.
func (h *hostile) size() int {
	return []int{0, 1, 10, 100, 128, 512, 1000, 8000}[h.byte()%8]
}

// hearsLeader reports whether the core heard a leader within the minimum election timeout.
func (h *hostile) hearsLeader() bool {
	if h.core.Leader() == h.cfg.ID {
		return true
	}
	return h.core.Leader() != raft.None && h.heardAt <= h.ticked &&
		h.ticked-h.heardAt < uint64(h.cfg.ElectionTicksMin)
}

// owed takes what the core owes, as obligation 1 says: after any call.
func (h *hostile) owed() {
	var r raft.Ready
	for h.core.Ready(&r) {
		h.take(&r)
	}
	h.look()
}

func (h *hostile) take(r *raft.Ready) {
	h.sent = append(append(h.sent, r.SendNow...), r.SendAfterSync...)
	for i := range h.sent {
		h.seq = max(h.seq, h.sent[i].Seq)
	}
	h.sent = h.sent[max(0, len(h.sent)-sentMax):]
	if r.Restore != nil {
		h.restore = append(h.restore, *r.Restore)
		h.base, h.entries, h.applies = r.Restore.Last, nil, nil
	}
	for _, s := range r.Append {
		if s.Prev.Index < h.base.Index || s.Prev != h.id(s.Prev.Index) {
			h.t.Fatalf("after %+v: an append after %v to a log of (%v, %d]", h.did, s.Prev, h.base, h.end())
		}
		if s.Prev.Index < h.commit && h.end() > s.Prev.Index && s.Prev.Index < h.end() {
			h.t.Fatalf("after %+v: entries after %d removed, %d is committed", h.did, s.Prev.Index, h.commit)
		}
		h.durable = min(h.durable, s.Prev.Index)
		for i := range h.writes {
			h.writes[i].upto = min(h.writes[i].upto, s.Prev.Index)
		}
		n := s.Prev.Index - h.base.Index
		h.entries = append(h.entries[:n:n], s.Entries...)
	}
	if r.Write != 0 {
		h.writes = append(h.writes, hostileWrite{id: r.Write, hard: *r.HardState, upto: h.end()})
	}
	if n := len(h.writes); n > 0 {
		h.writes[n-1].sends += len(r.SendAfterSync)
	}
	h.applies = append(h.applies, r.Apply...)
	h.fetches = append(h.fetches, r.Fetch...)
	h.reads = append(h.reads, r.ReadChunks...)
	for i := range r.StoreChunks {
		h.accepted = r.StoreChunks[i].Chunk.Offset + uint64(len(r.StoreChunks[i].Chunk.Data))
		h.stores = append(h.stores, r.StoreChunks[i])
	}
}

func (h *hostile) end() raft.Index { return h.base.Index + raft.Index(len(h.entries)) }

func (h *hostile) id(index raft.Index) raft.EntryID {
	if index == h.base.Index {
		return h.base
	}
	if index < h.base.Index || index > h.end() {
		h.t.Fatalf("after %+v: entry %d of a log of (%v, %d]", h.did, index, h.base, h.end())
	}
	return raft.EntryID{Term: h.entries[index-h.base.Index-1].Term, Index: index}
}

// sync makes the oldest writes durable.
func (h *hostile) sync(n int) {
	n = min(n, len(h.writes))
	if n == 0 {
		return
	}
	w := h.writes[n-1]
	h.durable, h.hard = max(h.durable, w.upto), w.hard
	h.writes = slices.Delete(h.writes, 0, n)
	h.core.Synced(w.id)
	h.owed()
}

// apply applies all that was handed over, and restores before it.
func (h *hostile) apply() {
	if n := len(h.restore); n > 0 && len(h.writes) == 0 {
		h.applied = h.restore[n-1].Last.Index
		h.restore = nil
		h.core.Applied(h.applied)
		h.owed()
	}
	if len(h.restore) > 0 {
		return // the log must begin anew first
	}
	for _, a := range h.applies {
		if a.Span.Prev.Index != h.applied || a.Upto < h.applied || a.Upto > h.end() {
			h.t.Fatalf("after %+v: applies (%d, %d], the machine is at %d, the log ends at %d",
				h.did, a.Span.Prev.Index, a.Upto, h.applied, h.end())
		}
		h.applied = a.Upto
	}
	h.applies = nil
	h.core.Applied(h.applied)
	h.owed()
}

func (h *hostile) fetch(ok bool) {
	fetches := h.fetches
	h.fetches = nil
	for _, f := range fetches {
		var span raft.Span
		err := error(raft.ErrOutOfRange)
		if ok && f.After >= h.base.Index && f.After < h.end() {
			n := f.After - h.base.Index
			span = raft.Span{Prev: h.id(f.After), Entries: h.entries[n : n+1 : n+1]}
			err = nil
		}
		h.core.Fetched(f, span, err)
		h.owed()
	}
}

func (h *hostile) store(ok bool) {
	stores := h.stores
	h.stores = nil
	for _, s := range stores {
		var err error
		if !ok {
			err = raft.ErrOutOfRange
		}
		h.core.ChunkStored(s, err)
		h.owed()
	}
}

func (h *hostile) readChunk(ok bool) {
	reads := h.reads
	h.reads = nil
	for _, r := range reads {
		of := r.Of
		if of == (raft.EntryID{}) && h.applied >= h.base.Index && h.applied <= h.end() {
			of = h.id(h.applied)
		}
		snapshot, known := h.core.SnapshotOf(of)
		if !ok || !known || r.Offset > snapshotStreamBytes {
			h.core.ChunkRead(r, raft.Chunk{}, raft.ErrOutOfRange)
		} else {
			n := min(uint64(r.BytesMax), snapshotStreamBytes-r.Offset)
			h.core.ChunkRead(r, raft.Chunk{Snapshot: snapshot, Offset: r.Offset, Data: make([]byte, n),
				Done: r.Offset+n == snapshotStreamBytes}, nil)
		}
		h.owed()
	}
}

// snapshotStreamBytes is the length of the snapshots that the core sends.
const snapshotStreamBytes = 2000

// settle pays all debts, a few rounds of it.
func (h *hostile) settle() {
	for range 4 {
		h.sync(len(h.writes))
		h.store(true)
		h.apply()
		h.fetch(true)
		h.readChunk(true)
	}
}

func (h *hostile) compact(force bool) {
	if h.applied <= h.base.Index || len(h.restore) > 0 || h.applied > h.durable {
		return
	}
	do := h.core.Compact
	if force {
		do = h.core.ForceCompact
	}
	if s, ok := do(h.id(h.applied)); ok {
		h.entries = slices.Clone(h.entries[s.Last.Index-h.base.Index:])
		h.base = s.Last
	}
}

// restart has the core begin again from what is durable; only when nothing is under way, so that the log handed over
// is the one on disk.
func (h *hostile) restart() {
	h.settle()
	if len(h.writes)+len(h.restore)+len(h.applies)+len(h.stores) > 0 || h.base.Index > 0 {
		return
	}
	log := raft.LogState{HardState: h.hard, Last: h.id(h.end())}
	at := max(h.hard.Commit, h.applied)
	boot := raft.Boot{Log: log, Applied: h.applied, Tail: raft.Span{Prev: h.id(at), Entries: slices.Clone(h.entries[at:])}}
	for i, e := range h.entries {
		if e.Kind == raft.EntryConfig {
			c, err := raft.DecodeConfiguration(e.Data)
			if err != nil {
				h.t.Fatalf("entry %d: %v", i+1, err)
			}
			boot.Configurations = append(boot.Configurations, raft.ConfigurationAt{Index: raft.Index(i + 1), Configuration: c})
		}
	}
	h.fetches, h.reads, h.sent = nil, nil, nil
	h.begin(boot)
}
