package exchange

import "time"

// machine is a reading of what the whole machine did. Counters that it does not have are -1.
type machine struct {
	at time.Time
	// busy is user and system time of all processes, softirq that of interrupts that the kernel works off for nobody in
	// particular, total all time there was.
	busy, softirq, total time.Duration
	// others is the time of all processes that are not part of the measurement, of their ended children too.
	others time.Duration
	// loopback counters, of all processes: frames as the kernel passes them on, which may hold several segments.
	loBytes, loPackets int64
}

// Machine is what the machine did while a command ran.
type Machine struct {
	// Foreign is the share of all CPU time that processes other than the ends and this one used; -1 when it is not known,
	// or when the time was too short for the ticks in which the kernel counts.
	Foreign float64
	// Softirq is the time of interrupts worked off; -1 when it is not known.
	Softirq time.Duration
	// LoopbackBytes and LoopbackPackets are of the interface, all processes together, headers included; -1 when they are
	// not known.
	LoopbackBytes, LoopbackPackets int64
}

// foreignLeast is the least CPU time, of all processors together, of which a share of foreign time is told: the kernel
// counts whole ticks of 10 ms, and one of fewer than twenty is more than a twentieth.
const foreignLeast = 200 * time.Millisecond

// since compares two readings; own is the CPU time of the ends and of this process between them.
func (m machine) since(before machine, own time.Duration) Machine {
	d := Machine{Foreign: -1, Softirq: -1, LoopbackBytes: -1, LoopbackPackets: -1}
	if total := m.total - before.total; before.total >= 0 && total > 0 {
		if total >= foreignLeast {
			// Each is too low at times: a process may not be ours to see, and where the time of an interrupt is also that
			// of the process that it interrupted, own has more than busy.
			used := max(m.others-before.others, m.busy-before.busy-own, 0)
			d.Foreign = min(1, float64(used)/float64(total))
		}
		d.Softirq = m.softirq - before.softirq
	}
	if before.loBytes >= 0 && m.loBytes >= 0 {
		d.LoopbackBytes, d.LoopbackPackets = m.loBytes-before.loBytes, m.loPackets-before.loPackets
	}
	return d
}
