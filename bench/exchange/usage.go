package exchange

import (
	"runtime/metrics"
	"time"

	"golang.org/x/sys/unix"

	"github.com/raftmark/raftmark/transport"
)

// usage is what an end has used since it was started.
type usage struct {
	CPU        time.Duration            `json:"cpu_ns"` // user and system
	Allocs     uint64                   `json:"allocs"`
	AllocBytes uint64                   `json:"alloc_bytes"`
	Socket     *transport.SocketMetrics `json:"socket,omitempty"` // nil when the transport does not count
	Dropped    int64                    `json:"dropped"`
}

func (e *end) usage() *usage {
	u := &usage{CPU: processCPU(), Dropped: e.dropped.Load()}
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(samples)
	if samples[0].Value.Kind() == metrics.KindUint64 && samples[1].Value.Kind() == metrics.KindUint64 {
		u.Allocs, u.AllocBytes = samples[0].Value.Uint64(), samples[1].Value.Uint64()
	}
	u.Socket = socketOf(e.transport.Metrics())
	return u
}

// socketOf returns what the transport counted at its sockets, or nil when it counted nothing: no exchange is possible
// without a call of the system.
func socketOf(m transport.Metrics) *transport.SocketMetrics {
	if m.Socket == (transport.SocketMetrics{}) {
		return nil
	}
	return &m.Socket
}

func processCPU() time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// since returns what was used between two readings.
func (u *usage) since(before *usage) usage {
	d := usage{
		CPU: u.CPU - before.CPU, Allocs: u.Allocs - before.Allocs, AllocBytes: u.AllocBytes - before.AllocBytes,
		Dropped: u.Dropped - before.Dropped,
	}
	if u.Socket != nil {
		d.Socket = u.Socket
		if before.Socket != nil {
			s := minus(*u.Socket, *before.Socket)
			d.Socket = &s
		}
	}
	return d
}

func minus(a, b transport.SocketMetrics) transport.SocketMetrics {
	return transport.SocketMetrics{
		Sends: a.Sends - b.Sends, Receives: a.Receives - b.Receives,
		SendSegments: a.SendSegments - b.SendSegments, ReceiveSegments: a.ReceiveSegments - b.ReceiveSegments,
		SendBytes: a.SendBytes - b.SendBytes, ReceiveBytes: a.ReceiveBytes - b.ReceiveBytes,
		Retransmits: a.Retransmits - b.Retransmits,
	}
}

func plus(a, b transport.SocketMetrics) transport.SocketMetrics {
	return transport.SocketMetrics{
		Sends: a.Sends + b.Sends, Receives: a.Receives + b.Receives,
		SendSegments: a.SendSegments + b.SendSegments, ReceiveSegments: a.ReceiveSegments + b.ReceiveSegments,
		SendBytes: a.SendBytes + b.SendBytes, ReceiveBytes: a.ReceiveBytes + b.ReceiveBytes,
		Retransmits: a.Retransmits + b.Retransmits,
	}
}
