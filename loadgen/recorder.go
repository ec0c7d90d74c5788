package loadgen

import "time"

// Recorder keeps what became of operations.
type Recorder interface {
	// Record is called once for each operation when it has ended, from any goroutine and from several at once. The Op
	// and its bytes are the caller's again after the return.
	Record(op *Op)
}

// Windowed is a Recorder that wants to know which operations are measured. The generator calls SetWindow when the
// window is planned and again when it became another; to is Forever while the end is open.
type Windowed interface {
	SetWindow(from, to time.Duration)
}

// Forever is the end of a window that has none yet.
const Forever = time.Duration(1<<63 - 1)

// Tee records into all of recorders, in order.
func Tee(recorders ...Recorder) Recorder { return tee(recorders) }

type tee []Recorder

// Record implements Recorder.
func (t tee) Record(op *Op) {
	for _, r := range t {
		r.Record(op)
	}
}

// SetWindow implements Windowed.
func (t tee) SetWindow(from, to time.Duration) {
	for _, r := range t {
		if w, ok := r.(Windowed); ok {
			w.SetWindow(from, to)
		}
	}
}
