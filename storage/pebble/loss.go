package pebble

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// loadWatermark compares the log, as it was loaded, with what is known to have been durable. Everything that was loaded
// is durable: the engine has written to tables what it found in a WAL.
func (l *Log) loadWatermark() error {
	if l.tuning.watermarkOff {
		return nil
	}
	f, err := openWatermark(l.fs, l.options.Dir, l.end.seq > 0 || l.created())
	if err != nil {
		return err
	}
	if f.damage != nil {
		l.options.Logger.Warn("watermark of the raft log: a slot is damaged, others are whole",
			slog.Uint64("node", uint64(l.options.Node)), slog.Any("err", f.damage))
	}
	w := newWatermark(f, l.options.WatermarkSyncInterval, l.failure)
	now := newMark(l.end, l.state.HardState)
	switch {
	case l.end.seq < f.newest.seq:
		now, err = l.recordLoss(f.newest)
	case l.end.seq == f.newest.seq && now != f.newest:
		err = corrupt("the log and its watermark are of two histories: batch %d has chain %016x, ends at %v; want %016x, %v",
			l.end.seq, now.chain, now.last, f.newest.chain, f.newest.last)
	}
	if err == nil {
		err = w.set(now)
	}
	if err != nil {
		return errors.Join(err, w.close(false, nil))
	}
	l.watermark = w
	if l.options.Sync == storage.SyncFsync {
		w.start()
	}
	return nil
}

// recordLoss makes durable in the log that it lost its end, and what it promised there: it was as m says. A crash
// before it is done leaves the log to be found short again.
func (l *Log) recordLoss(m mark) (mark, error) {
	short, hs := l.end, l.state.HardState
	l.state.HardState = afterLoss(hs, m)
	// The batches that are lost keep their numbers.
	b := builder{batch: l.db.NewBatch(), end: m.end}
	err := b.setHardState(l.state.HardState)
	e, endErr := b.finish(l.state.Last)
	if err = errors.Join(err, endErr); err != nil {
		return mark{}, errors.Join(err, b.batch.Close())
	}
	err = l.db.Apply(b.batch, pebble.Sync)
	if err = errors.Join(err, b.batch.Close(), l.failure.Get()); err != nil {
		return mark{}, fmt.Errorf("record the loss: %w", err)
	}
	l.end = e
	l.options.Logger.Error("raft log lost its end: it is shorter than what was durable; this server neither votes nor "+
		"leads until it has caught up", slog.Uint64("node", uint64(l.options.Node)),
		slog.String("dir", l.options.Dir), slog.Uint64("batches", short.seq), slog.Uint64("batches_durable", m.seq),
		slog.String("last", l.state.Last.String()), slog.String("last_durable", m.last.String()),
		slog.Uint64("term", uint64(hs.Term)), slog.Uint64("term_durable", uint64(m.term)))
	return newMark(e, l.state.HardState), nil
}

// afterLoss returns the hard state of a log that holds hs and was once as m says, later.
func afterLoss(hs raft.HardState, m mark) raft.HardState {
	switch {
	case m.term > hs.Term:
		hs.Term, hs.Vote = m.term, m.vote
	case m.term == hs.Term && hs.Vote == raft.None:
		hs.Vote = m.vote
	}
	for _, id := range [...]raft.EntryID{m.last, m.lost} {
		if id.UpToDate(hs.Recover) {
			hs.Recover = id
		}
	}
	if hs.Recover == (raft.EntryID{}) {
		// It ended in nothing then; what was lost after that is not known.
		hs.Recover = raft.EntryID{Term: max(1, hs.Term)}
	}
	return hs
}
