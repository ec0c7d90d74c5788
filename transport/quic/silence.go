package quic

import (
	"fmt"
	"sync"
	"time"

	"github.com/raftmark/raftmark/transport/link"
	"github.com/raftmark/raftmark/transport/wire"
)

// looksPerTimeout is how often in Options.DeadPeerTimeout it is looked whether a connection was heard of, and how often
// a quiet one is probed.
const looksPerTimeout = 4

// watch ends a connection that was not heard of for three quarters of Options.DeadPeerTimeout to all of it, as the
// looks fall, and returns how to stop that.
//
// Note: quic-go's own idle timeout is at least three probe timeouts, each of which grows with the round trip and its
// variance: a busy machine makes it a multiple of an election timeout. So do its keep-alives.
func (t *Transport) watch(c *connection) (stop func()) {
	w := &watcher{t: t, c: c, every: t.options.DeadPeerTimeout / looksPerTimeout, heard: time.Now()}
	w.looked = w.heard
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(w.every, w.look)
	return w.stop
}

// watcher is the state of watch.
type watcher struct {
	t     *Transport
	c     *connection
	every time.Duration

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
	packets uint64    // that were received, when it was looked last
	heard   time.Time // when there were more than before
	looked  time.Time
}

// look is called every so often.
func (w *watcher) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	now := time.Now()
	packets := w.c.ConnectionStats().PacketsReceived
	if packets != w.packets || now.Sub(w.looked) > 2*w.every { // this node was stopped: what came waits to be read
		w.packets, w.heard = packets, now
	}
	w.looked = now
	if silent := now.Sub(w.heard); silent >= (looksPerTimeout-1)*w.every {
		w.stopped = true
		go w.end()
		return
	}
	w.timer.Reset(w.every)
}

func (w *watcher) end() {
	w.t.node.Refuse(fmt.Errorf("node %d: %w", w.c.peer, link.ErrSilent), w.c.RemoteAddr().String())
	_ = w.c.CloseWithError(codeSilent, "")
}

func (w *watcher) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
}

// Probe implements link.Prober: the control lane says something that is no message, and the peer acknowledges it. The
// other lanes are on the same connection.
func (o *outgoing) Probe() error {
	if !o.probes {
		return nil
	}
	stream := o.streams[0]
	if err := stream.SetWriteDeadline(time.Now().Add(o.timeout)); err != nil {
		return fmt.Errorf("set write deadline: %w", err)
	}
	if _, err := stream.Write(wire.KeepAlive()); err != nil {
		return fmt.Errorf("write probe: %w", err)
	}
	return nil
}
