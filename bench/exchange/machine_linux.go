package exchange

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of /proc/stat, which is the same on all systems that Go runs on.
const tick = 10 * time.Millisecond

// readMachine reads the counters of the machine; own are the processes of the measurement.
func readMachine(own ...int) machine {
	m := machine{at: time.Now(), busy: -1, softirq: -1, total: -1, loBytes: -1, loPackets: -1}
	if text, err := os.ReadFile("/proc/stat"); err == nil {
		m.readCPU(string(text))
	}
	if text, err := os.ReadFile("/proc/net/dev"); err == nil {
		m.readLoopback(string(text))
	}
	m.readOthers(own)
	return m
}

// readOthers adds up the time of the processes that can be seen and are not own. Kernel threads that work off the
// network's interrupts are nobody's.
func (m *machine) readOthers(own []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err != nil || slices.Contains(own, id) {
			continue
		}
		if text, err := os.ReadFile("/proc/" + e.Name() + "/stat"); err == nil { // else it has ended
			m.others += processTime(string(text))
		}
	}
}

// processTime reads user and system time of a process and of its children that it has waited for: the 14th to 17th
// field, where the second is a name in parentheses that may hold any character.
func processTime(text string) (used time.Duration) {
	end := strings.LastIndexByte(text, ')')
	if end < 0 || strings.Contains(text[:end], "(ksoftirqd/") {
		return 0
	}
	fields := strings.Fields(text[end+1:])
	if len(fields) < 15 {
		return 0
	}
	for _, field := range fields[11:15] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		used += time.Duration(n) * tick
	}
	return used
}

// readCPU reads the first line: user, nice, system, idle, iowait, irq, softirq, steal.
func (m *machine) readCPU(text string) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return
	}
	var values [8]time.Duration
	total := time.Duration(0)
	for i := range values {
		n, err := strconv.ParseInt(fields[i+1], 10, 64)
		if err != nil {
			return
		}
		values[i] = time.Duration(n) * tick
		total += values[i]
	}
	m.total, m.busy, m.softirq = total, values[0]+values[1]+values[2], values[6]
}

// readLoopback reads what the interface lo received, which is what it sent.
func (m *machine) readLoopback(text string) {
	for line := range strings.Lines(text) {
		name, counters, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) != "lo" {
			continue
		}
		fields := strings.Fields(counters)
		if len(fields) < 2 {
			return
		}
		bytes, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			return
		}
		packets, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			return
		}
		m.loBytes, m.loPackets = bytes, packets
	}
}
