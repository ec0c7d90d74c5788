package transporttest

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/transport"
	"github.com/raftmark/raftmark/transport/wire"
)

// frameBytesMax is that of nodes with default options.
const frameBytesMax = 16 << 20

// header returns the header of a frame that claims a payload of that length.
func header(length uint32) []byte {
	h := wire.AppendFrame(nil, wire.KindMessages, nil)
	binary.LittleEndian.PutUint32(h[4:], length)
	return h
}

// attackLengths claims lengths that no frame has, as a stranger and as a node that was admitted. A length has 32 bits.
func attackLengths(h *hostile) string {
	lengths := []uint32{0, frameBytesMax - wire.HeaderBytes + 1, 1 << 31, 1<<32 - 1}
	for i, length := range lengths {
		frame := header(length)
		if length == 0 {
			frame = wire.AppendFrame(nil, wire.KindMessages, nil) // in order but for the length
		}
		line := h.enter(strangerID, uint64(i+1))
		if _, err := line.Write(frame); err != nil {
			h.Fatal(err)
		}
		if !line.Closed(patience) {
			h.Errorf("a frame of length %d did not end the connection", length)
		}
		h.refusedFor(transport.RefusedMalformed, uint64(i+1))
	}
	line := h.knock(strangerID)
	if welcome(line.Greet(header(1 << 31))) {
		h.Error("a frame of 2 GiB passed for a hello")
	}
	h.refusedFor(transport.RefusedMalformed, uint64(len(lengths)+1))
	return fmt.Sprintf("%d closed, heap + %d KiB", len(lengths)+1, h.bounded(1<<20))
}

// bounded checks how much the heap has grown, and returns it in KiB.
func (h *hostile) bounded(bytes int64) int64 {
	h.Helper()
	growth := h.heapGrowth()
	if growth > bytes {
		h.Errorf("the heap grew by %d bytes, at most %d allowed", growth, bytes)
	}
	return growth >> 10
}

// timed waits until the connection was closed and returns after how long since begin; at most that is allowed.
func (h *hostile) timed(line Line, begin time.Time, most time.Duration) time.Duration {
	h.Helper()
	if !line.Closed(patience) {
		h.Error("the connection was not closed")
	}
	took := time.Since(begin)
	if took > most {
		h.Errorf("closed after %v, want %v at most", took, most)
	}
	return took.Round(10 * time.Millisecond)
}

// attackEndless claims frames of the greatest length and sends 1 KiB of each.
func attackEndless(h *hostile) string {
	lines := make([]Line, h.pick(4, 16))
	begin := time.Now()
	for i := range lines {
		lines[i] = h.enter(strangerID+raft.NodeID(i), 1)
		if _, err := lines[i].Write(append(header(frameBytesMax-wire.HeaderBytes), make([]byte, 1<<10)...)); err != nil {
			h.Fatal(err)
		}
	}
	growth := h.heapGrowth()
	if growth > int64(len(lines))<<20 {
		h.Errorf("%d lines hold %d bytes, at most 1 MiB each allowed", len(lines), growth)
	}
	// Nothing more is heard of them: they are silent before they are slow.
	var last time.Duration
	for _, line := range lines {
		last = h.timed(line, begin, 3*time.Second)
	}
	return fmt.Sprintf("%d closed in %v, heap + %d KiB", len(lines), last, growth>>10)
}

// dribble writes a byte each quarter of a second until it cannot any more.
func dribble(write func([]byte) error, data []byte) {
	for i := range data {
		if write(data[i:i+1]) != nil {
			return
		}
		time.Sleep(250 * time.Millisecond)
	}
}

func attackSlowGreeting(h *hostile) string {
	hello := frameOf(h.hello(strangerID, 1))
	begin := time.Now()
	line := h.knock(strangerID)
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { dribble(line.Utter, hello) })
	took := h.timed(line, begin, 2500*time.Millisecond)
	h.refusedFor(transport.RefusedTimeout, 1)
	return fmt.Sprintf("closed after %v", took)
}

// attackSlowFrame is slow in the header of a frame, and in the body of another.
func attackSlowFrame(h *hostile) string {
	var work sync.WaitGroup
	defer work.Wait()
	begin := time.Now()
	var lines []Line
	for i, begun := range [][]byte{header(1 << 20)[:1], header(1 << 20)} {
		line := h.enter(strangerID+raft.NodeID(i), 1)
		lines = append(lines, line)
		work.Go(func() {
			if _, err := line.Write(begun); err == nil {
				dribble(func(b []byte) error { _, err := line.Write(b); return err }, header(1 << 20)[1:])
			}
		})
	}
	var last time.Duration
	for _, line := range lines {
		last = h.timed(line, begin, 3*time.Second)
	}
	h.refusedFor(transport.RefusedSlow, uint64(len(lines)))
	return fmt.Sprintf("%d closed in %v", len(lines), last)
}

// attackFrom sends messages of another node: in the hello, and in a message.
func attackFrom(h *hostile) string {
	line := h.knock(strangerID)
	if welcome(line.Greet(frameOf(h.hello(peerID, 1<<63)))) {
		h.Error("a hello of another node than the certificate's was welcome")
	}
	h.refusedFor(transport.RefusedIdentity, 1)
	times := h.pick(3, 100)
	for i := range times {
		line := h.enter(strangerID, uint64(i+1))
		m := heartbeat(peerID, victimID, unwanted)
		m.Term = 1<<64 - 1
		if _, err := line.Write(wire.AppendFrame(nil, wire.KindMessages, wire.AppendMessage(nil, &m))); err != nil {
			h.Fatal(err)
		}
		if !line.Closed(patience) {
			h.Error("a message of another node did not end the connection")
		}
		h.refusedFor(transport.RefusedFrom, uint64(i+1))
	}
	return fmt.Sprintf("%d refused, 0 delivered", times+1)
}

// attackVersion greets with versions out of the window, and with a feature that nobody knows.
func attackVersion(h *hostile) string {
	featured := wire.OwnHead()
	featured.Required = 1 << 40
	for _, c := range []struct {
		head   wire.Head
		reason transport.Refusal
	}{
		{wire.Head{Protocol: wire.ProtocolVersion + 3, ProtocolMin: wire.ProtocolVersion + 1}, transport.RefusedVersion},
		{wire.Head{Protocol: wire.ProtocolMin - 1, ProtocolMin: 1}, transport.RefusedVersion},
		{featured, transport.RefusedFeature},
	} {
		hello := h.hello(strangerID, 1)
		hello.Head = c.head
		before := h.refusals(c.reason)
		line := h.knock(strangerID)
		answer, err := line.Greet(frameOf(hello))
		if err != nil || answer.Refusal != c.reason {
			h.Errorf("head %+v: the hostile side was told %v, %v; want %v", c.head, answer.Refusal, err, c.reason)
		}
		h.refusedFor(c.reason, before+1)
	}
	h.eventually("the victim's log says what was refused", func() bool {
		return h.victim.log.contains("version") && h.victim.log.contains("feature")
	})
	return "3 refused, both told why"
}
