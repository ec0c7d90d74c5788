package exchange

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of /proc/stat, which is the same on all systems that Go runs on.
const tick = 10 * time.Millisecond

func readMachine() machine {
	m := machine{at: time.Now(), busy: -1, softirq: -1, total: -1, loBytes: -1, loPackets: -1}
	if text, err := os.ReadFile("/proc/stat"); err == nil {
		m.readCPU(string(text))
	}
	if text, err := os.ReadFile("/proc/net/dev"); err == nil {
		m.readLoopback(string(text))
	}
	return m
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
