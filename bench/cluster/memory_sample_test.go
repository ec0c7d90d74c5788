//go:build !race

package cluster

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/storage"
)

// memorySample is what one node takes at one instant, in bytes where nothing else is said. What a paused node would
// have to tell is zero, as is the resident memory where the system does not tell it.
type memorySample struct {
	at    time.Duration
	phase string
	node  raft.NodeID
	role  string
	opsPS float64 // of the cluster, since the sample before

	rss, rssFile                   int64 // resident, and how much of it are pages of files: the program itself
	outside                        int64 // resident beside runtime
	runtime, heapInuse, goroutines int64 // runtime is what GOMEMLIMIT limits
	logBytes                       int64 // of the log, by size of entries
	logDisk, machineDisk           int64
	snapshotDisk                   int64
}

// sample asks all nodes but the one that is paused.
func (m *memoryTrial) sample(phase string) {
	m.t.Helper()
	now, ops := time.Now(), m.load.acknowledged.Load()
	rate := float64(ops-m.lastOps) / now.Sub(m.lastAt).Seconds()
	m.lastOps, m.lastAt = ops, now
	for _, n := range m.c.Nodes() {
		s := memorySample{at: now.Sub(m.start), phase: phase, node: n.ID(), role: "follower", opsPS: rate}
		switch n {
		case m.leader:
			s.role = "leader"
		case m.follower:
			s.role = "stopped follower"
		}
		s.rss, s.rssFile = residentOf(n.Pid())
		dir := n.DataDir()
		s.logDisk, s.machineDisk = diskBytes(storage.LogDir(dir)), diskBytes(storage.MachineDir(dir))
		s.snapshotDisk = diskBytes(storage.SnapshotDir(dir))
		if n != m.follower || !m.paused {
			values, err := metricsOf(n)
			if err != nil {
				m.t.Fatalf("metrics of node %d: %v", n.ID(), err)
			}
			s.runtime = values["go_memstats_sys_bytes"] - values["go_memstats_heap_released_bytes"]
			s.heapInuse, s.goroutines = values["go_memstats_heap_inuse_bytes"], values["go_goroutines"]
			s.logBytes = values["raftmark_replica_log_bytes"]
			s.outside = max(0, s.rss-s.runtime) // less than it is, where the runtime's is not resident
		}
		m.samples = append(m.samples, s)
	}
}

// metricsOf returns the metrics that have no labels, as integers.
func metricsOf(n *Node) (map[string]int64, error) {
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Get("http://" + n.AdminAddr() + "/metrics")
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	values := map[string]int64{}
	lines := bufio.NewScanner(io.LimitReader(response.Body, statusBytesMax))
	for lines.Scan() {
		name, text, found := strings.Cut(lines.Text(), " ")
		if value, err := strconv.ParseFloat(text, 64); found && err == nil {
			values[name] = int64(value)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	for _, name := range []string{
		"go_memstats_sys_bytes", "go_memstats_heap_released_bytes", "go_memstats_heap_inuse_bytes", "go_goroutines",
		"raftmark_replica_log_bytes",
	} {
		if _, found := values[name]; !found {
			return nil, fmt.Errorf("no %s", name)
		}
	}
	return values, nil
}

// residentOf returns the resident memory of a process, and how much of that are pages of files; zeros where the
// system has no /proc.
func residentOf(pid int) (all, file int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "VmRSS":
			all = kib << 10
		case "RssFile":
			file = kib << 10
		}
	}
	return all, file
}

// diskBytes returns the length of all files of a folder; files that come and go meanwhile count or do not.
func diskBytes(dir string) int64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	return sum
}

// maximaOf returns the maximum of each number of a node.
func maximaOf(samples []memorySample, node raft.NodeID) memorySample {
	var top memorySample
	for _, s := range samples {
		if s.node != node {
			continue
		}
		top.node, top.role = s.node, s.role
		top.opsPS = max(top.opsPS, s.opsPS)
		top.rss, top.rssFile = max(top.rss, s.rss), max(top.rssFile, s.rssFile)
		top.outside = max(top.outside, s.outside)
		top.runtime, top.heapInuse = max(top.runtime, s.runtime), max(top.heapInuse, s.heapInuse)
		top.goroutines, top.logBytes = max(top.goroutines, s.goroutines), max(top.logBytes, s.logBytes)
		top.logDisk, top.machineDisk = max(top.logDisk, s.logDisk), max(top.machineDisk, s.machineDisk)
		top.snapshotDisk = max(top.snapshotDisk, s.snapshotDisk)
	}
	return top
}

func csvOf(samples []memorySample) string {
	var b strings.Builder
	b.WriteString("seconds,phase,node,role,ops_per_second,rss,rss_file,rss_outside_go,go_runtime,go_heap_inuse," +
		"goroutines,log_entries_bytes,log_disk,kv_disk,snapshot_disk\n")
	for _, s := range samples {
		fmt.Fprintf(&b, "%.1f,%s,%d,%s,%.0f,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d\n", s.at.Seconds(), s.phase, s.node, s.role,
			s.opsPS, s.rss, s.rssFile, s.outside, s.runtime, s.heapInuse, s.goroutines, s.logBytes,
			s.logDisk, s.machineDisk, s.snapshotDisk)
	}
	return b.String()
}

// table returns the maxima of each node and, of the leader, what they were compared with.
func (m *memoryTrial) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d clients with %d writes of %d B under way each; GOMEMLIMIT %d MiB; maxima, sizes in MiB.\n\n",
		memoryClients, memoryDepth, m.load.valueBytes, memoryLimit/mib)
	b.WriteString("| node | resident | of files | outside Go | Go runtime | Go heap | goroutines | log | log/ | " +
		"kv/ | snapshot/ |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, n := range m.c.Nodes() {
		s := maximaOf(m.samples, n.ID())
		fmt.Fprintf(&b, "| %d, %s | %s | %s | %s | %s | %s | %d | %s | %s | %s | %s |\n", s.node, s.role, inMiB(s.rss),
			inMiB(s.rssFile), inMiB(s.outside), inMiB(s.runtime), inMiB(s.heapInuse), s.goroutines, inMiB(s.logBytes),
			inMiB(s.logDisk), inMiB(s.machineDisk), inMiB(s.snapshotDisk))
	}
	b.WriteString("\n| of the leader | seen | at most | which is |\n|---|---|---|---|\n")
	for _, l := range m.bounds() {
		seen, most := inMiB(l.seen), inMiB(l.most)
		if l.name == "goroutines" {
			seen, most = strconv.FormatInt(l.seen, 10), strconv.FormatInt(l.most, 10)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", l.name, seen, most, l.why)
	}
	fmt.Fprintf(&b, "\nThe follower was %d entries behind when it went on, and had them after %.1f s; %d writes were "+
		"acknowledged, %s.\n", m.lagMax, m.behind.Seconds(), m.load.acknowledged.Load(), m.load.refusals())
	return b.String()
}

func inMiB(bytes int64) string { return strconv.FormatFloat(float64(bytes)/mib, 'f', 1, 64) }
