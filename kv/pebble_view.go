package kv

import (
	"errors"
	"io"

	"github.com/cockroachdb/pebble/v2"
)

// pebbleView is the state that the commands of one span see: the engine's, and above it what the span wrote
// so far.
//
// Note: an indexed batch does the same and costs an index of all that is written; most spans read nothing
// that they wrote.
type pebbleView struct {
	db    *pebble.DB
	batch *pebble.Batch
	// written holds what the span wrote, when tracked. Values alias the commands, which are immutable.
	written map[string]write
	tracked bool
	// held is the engine's hold on the value returned last.
	held io.Closer
	key  []byte // buffer
}

// write is the last thing done to a key: its new value, or its removal.
type write struct {
	value   []byte
	removed bool
}

// begin starts a span; tracked says that it may read.
func (v *pebbleView) begin(tracked bool) { v.tracked = tracked }

// end ends the span.
func (v *pebbleView) end() error {
	clear(v.written)
	return v.release()
}

func (v *pebbleView) release() error {
	if v.held == nil {
		return nil
	}
	held := v.held
	v.held = nil
	return held.Close()
}

func (v *pebbleView) dataKey(key []byte) []byte {
	v.key = append(append(v.key[:0], prefixData), key...)
	return v.key
}

// get implements state.
func (v *pebbleView) get(key []byte) (value []byte, found bool, err error) {
	if err := v.release(); err != nil {
		return nil, false, err
	}
	if w, ok := v.written[string(key)]; ok {
		return w.value, !w.removed, nil
	}
	value, v.held, err = v.db.Get(v.dataKey(key))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	return value, err == nil, err
}

// set implements state.
func (v *pebbleView) set(key, value []byte) error {
	if v.tracked {
		v.written[string(key)] = write{value: value}
	}
	op := v.batch.SetDeferred(1+len(key), len(value))
	op.Key[0] = prefixData
	copy(op.Key[1:], key)
	copy(op.Value, value)
	return op.Finish()
}

// del implements state.
func (v *pebbleView) del(key []byte) error {
	if v.tracked {
		v.written[string(key)] = write{removed: true}
	}
	return v.batch.Delete(v.dataKey(key), nil)
}
