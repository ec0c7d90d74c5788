package kv

import "github.com/cockroachdb/pebble/v2"

// pebbleSpan is the state that the commands of one span see: the engine's, and above it what the span wrote
// so far.
//
// Note: an indexed batch does the same and costs an index of all that is written; most spans read nothing
// that they wrote.
type pebbleSpan struct {
	engine engineState
	batch  *pebble.Batch
	// written holds what the span wrote, when tracked. Values alias the commands, which are immutable.
	written map[string]write
	tracked bool
}

// begin starts a span; tracked says that it may read.
func (s *pebbleSpan) begin(tracked bool) { s.tracked = tracked }

// end ends the span.
func (s *pebbleSpan) end() error {
	clear(s.written)
	return s.engine.release()
}

// get implements state.
func (s *pebbleSpan) get(key []byte) (value []byte, found bool, err error) {
	if w, ok := s.written[string(key)]; ok {
		return w.value, !w.removed, nil
	}
	return s.engine.get(key)
}

// set implements state.
func (s *pebbleSpan) set(key, value []byte) error {
	if s.tracked {
		s.written[string(key)] = write{value: value}
	}
	op := s.batch.SetDeferred(1+len(key), len(value))
	op.Key[0] = prefixData
	copy(op.Key[1:], key)
	copy(op.Value, value)
	return op.Finish()
}

// del implements state.
func (s *pebbleSpan) del(key []byte) error {
	if s.tracked {
		s.written[string(key)] = write{removed: true}
	}
	op := s.batch.DeleteDeferred(1 + len(key))
	op.Key[0] = prefixData
	copy(op.Key[1:], key)
	return op.Finish()
}

// setRecord implements state.
func (s *pebbleSpan) setRecord(key, value []byte) error { return s.batch.Set(key, value, nil) }

// delRecord implements state.
func (s *pebbleSpan) delRecord(key []byte) error { return s.batch.Delete(key, nil) }
