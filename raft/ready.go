package raft

import "slices"

// Ready is what the core owes to the world, each debt named by what must be done about it. The driver takes
// it with [Core.Ready] and pays in the order that the fields say. All slices are the driver's until the
// next call.
type Ready struct {
	// SendNow may be sent at once: the leader's AppendEntries leave in parallel with its own disk write
	// (thesis §10.2.1).
	SendNow []Message

	// HardState (when not nil) and Append must be made durable, in one batch, after all earlier ones; then
	// [Core.Synced] is owed with Write, which is 0 when there is nothing to write.
	HardState *HardState
	Append    []Span
	Write     WriteID
	// SendAfterSync may be sent only when this write and all earlier ones are durable: votes and
	// acknowledgements.
	SendAfterSync []Message

	// Restore, when not nil, is a snapshot that was stored completely ([Core.ChunkStored] with Done) and
	// now takes the place of the state machine and of the whole log: after all earlier writes and before
	// this Ready's Append the log begins anew after it, and after all earlier applies and before the ones
	// of this Ready the machine is restored from it; then [Core.Applied] is owed, with its index. Write
	// covers it.
	Restore *Snapshot

	// Apply lists ranges to be applied in order; then [Core.Applied] is owed.
	Apply []Apply

	// Fetch lists the entries wanted from storage for slow followers; then [Core.Fetched] is owed.
	Fetch []Fetch

	// ReadChunks lists the parts wanted of a snapshot of this server's machine, for followers that fell
	// behind the log; then [Core.ChunkRead] is owed.
	ReadChunks []ReadChunk
	// StoreChunks lists the parts of a snapshot that a leader sent, to be stored in order; then
	// [Core.ChunkStored] is owed.
	StoreChunks []StoreChunk

	// Reads lists what became of calls of [Core.ReadIndex]. Nothing is owed.
	Reads []Read

	hardState HardState
}

// Apply is a range (Span.Prev.Index, Upto] to be applied. When the span does not reach Upto, the entries
// after it are no longer in memory and must be read from storage, where they are durable.
type Apply struct {
	Span Span
	Upto Index
}

// Fetch asks for the entries (After, Upto] for a follower: at least one, at most about BytesMax bytes.
type Fetch struct {
	To          NodeID
	Term        Term
	After, Upto Index
	BytesMax    int
}

// ReadChunk asks for at most BytesMax bytes of a snapshot, from Offset on, for a follower. Of is the
// snapshot that it is part of; the zero EntryID, only with Offset 0, asks for whichever is newest, which
// must reach NotBelow.
type ReadChunk struct {
	To       NodeID
	Term     Term
	Of       EntryID
	NotBelow Index
	Offset   uint64
	BytesMax int
}

// StoreChunk asks to store a chunk after the ones before it; Offset 0 begins anew and drops what was
// stored. With Done the whole snapshot must be found undamaged and made durable, together with the name of
// it.
type StoreChunk struct {
	From  NodeID
	Term  Term
	Chunk Chunk
	Seq   uint64

	attempt uint64 // to take the snapshot, which this belongs to
}

// Read answers a call of [Core.ReadIndex]. With Err nil, a read that is served by a state machine that
// applied Index is linearizable with regard to everything before the call (§8, thesis §6.4).
type Read struct {
	Token uint64
	Index Index
	Err   error
}

// outbox holds messages until the next Ready.
type outbox struct {
	now       []Message
	afterSync []Message
}

// debts are the other things owed at the next Ready.
type debts struct {
	fetch       []Fetch
	readChunks  []ReadChunk
	storeChunks []StoreChunk
	reads       []Read
}

type applySize struct {
	upto  Index
	bytes int
}

// Ready fills r with what is owed now and reports whether there is anything.
func (c *Core) Ready(r *Ready) bool {
	if c.role == Leader {
		c.beginReads()
		c.replicate()
	}
	r.reset()
	r.SendNow = append(r.SendNow, c.outbox.now...)
	r.SendAfterSync = append(r.SendAfterSync, c.outbox.afterSync...)
	c.outbox.now = emptied(c.outbox.now)
	c.outbox.afterSync = emptied(c.outbox.afterSync)
	if c.disk.owes(c.hardState()) {
		c.handOverWrite(r)
	} else if c.disk.idle() {
		r.SendNow = append(r.SendNow, r.SendAfterSync...)
		r.SendAfterSync = emptied(r.SendAfterSync)
	}
	c.disk.await(len(r.SendAfterSync))
	r.Apply = c.handOverApply(r.Apply)
	r.Fetch = append(r.Fetch, c.debts.fetch...)
	r.ReadChunks = append(r.ReadChunks, c.debts.readChunks...)
	r.StoreChunks = append(r.StoreChunks, c.debts.storeChunks...)
	r.Reads = append(r.Reads, c.debts.reads...)
	c.debts.fetch = c.debts.fetch[:0]
	c.debts.readChunks = c.debts.readChunks[:0]
	c.debts.storeChunks = emptied(c.debts.storeChunks)
	c.debts.reads = emptied(c.debts.reads)
	c.check()
	return len(r.SendNow)+len(r.SendAfterSync)+len(r.Apply)+len(r.Fetch) > 0 || r.Write != 0 ||
		len(r.ReadChunks)+len(r.StoreChunks)+len(r.Reads) > 0
}

func (c *Core) hardState() HardState {
	return HardState{Term: c.currentTerm, Vote: c.votedFor, Commit: c.commitIndex, Recover: c.recovery.lost}
}

// handOverWrite puts the write that is owed into r. The commit index rides along: it is never ahead of the
// entries that are durable with it, and alone it is not worth a write.
func (c *Core) handOverWrite(r *Ready) {
	r.hardState = c.hardState()
	r.HardState = &r.hardState
	c.disk.hardState = r.hardState
	r.Restore = c.disk.restore
	r.Append, r.Write = c.disk.handOver(r.Append, c.lastIndex())
}

// handOverApply appends what may be applied: committed, durable here, and within the cap of what is under
// way. Waiting for the own disk keeps the state machine from ever being ahead of the log that it would be
// rebuilt from.
func (c *Core) handOverApply(apply []Apply) []Apply {
	upto := min(c.commitIndex, c.disk.durable)
	if c.incoming.ready {
		return apply // the snapshot has it
	}
	for c.applying < upto && c.applyBytes < c.cfg.ApplyBytesMax {
		a := Apply{Span: Span{Prev: EntryID{Index: c.applying}}, Upto: min(upto, c.tail.prev.Index)}
		bytes := c.cfg.ApplyBytesMax // of unknown size: alone
		if c.tail.holds(c.applying) {
			a.Span, bytes = c.tail.span(c.applying, upto, c.cfg.TailEntriesMax, c.cfg.ApplyBytesMax-c.applyBytes)
			a.Upto = a.Span.LastIndex()
		} else {
			a.Upto = min(a.Upto, c.applying+Index(c.cfg.MessageEntriesMax))
		}
		apply = append(apply, a)
		c.applying = a.Upto
		c.applyBytes += bytes
		c.applySizes = append(c.applySizes, applySize{upto: a.Upto, bytes: bytes})
	}
	return apply
}

// Applied says that the state machine holds everything up to index.
func (c *Core) Applied(index Index) {
	c.lastApplied = max(c.lastApplied, index)
	n := 0
	for n < len(c.applySizes) && c.applySizes[n].upto <= index {
		c.applyBytes -= c.applySizes[n].bytes
		n++
	}
	c.applySizes = slices.Delete(c.applySizes, 0, n)
	c.installWhenIdle()
	c.check()
}

func (r *Ready) reset() {
	r.SendNow = emptied(r.SendNow)
	r.SendAfterSync = emptied(r.SendAfterSync)
	r.Apply = emptied(r.Apply)
	r.Fetch = r.Fetch[:0]
	r.ReadChunks = r.ReadChunks[:0]
	r.StoreChunks = emptied(r.StoreChunks)
	r.Reads = emptied(r.Reads)
	r.Restore = nil
	clear(r.Append)
	r.Append = r.Append[:0]
	r.HardState = nil
	r.Write = 0
}

// emptied returns s without elements and without references to what they held.
func emptied[T any](s []T) []T {
	clear(s)
	return s[:0]
}
