package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// storedLog is a node that does nothing any more: its log begins after first, and holds an entry for each byte.
type storedLog struct {
	node, first, applied uint64
	entries, hash        string
}

// storedLogs is a cluster of such nodes, which can only be asked what they hold.
type storedLogs struct {
	system
	nodes []storedLog
}

func (c *storedLogs) status(context.Context, bool) []nodeStatus {
	statuses := make([]nodeStatus, 0, len(c.nodes))
	for _, n := range c.nodes {
		statuses = append(statuses, nodeStatus{node: n.node, first: n.first, applied: n.applied, hash: n.hash})
	}
	return statuses
}

func (c *storedLogs) logChain(_ context.Context, node, after, upto uint64) (string, error) {
	n := c.nodes[slices.IndexFunc(c.nodes, func(n storedLog) bool { return n.node == node })]
	if after < n.first || upto > n.first+uint64(len(n.entries)) || after > upto {
		return "", fmt.Errorf("node %d does not hold (%d, %d]", node, after, upto)
	}
	return n.entries[after-n.first : upto-n.first], nil // a chain that nobody need invert
}

// TestVerdictOfLogs: what differs is a violation, also when the nodes that differ never reach one index; and what was
// not compared is not called equal.
func TestVerdictOfLogs(t *testing.T) {
	for _, c := range []struct {
		name  string
		nodes []storedLog
		logs  string
		says  string // a part of what is said about it
	}{
		{"equal", []storedLog{{1, 0, 4, "abcd", "s"}, {2, 0, 4, "abcd", "s"}, {3, 2, 4, "cd", "s"}}, "ok",
			"up to index 2: there the states were compared"},
		{"stuck because it diverged", []storedLog{{1, 0, 6, "abcdef", "s"}, {2, 0, 6, "abcdef", "s"}, {3, 0, 4, "abXd", "x"}},
			"violation", "nodes 1 and 3 differ from entry 3 on"},
		{"stuck, and equal so far", []storedLog{{1, 0, 6, "abcdef", "s"}, {2, 0, 6, "abcdef", "s"}, {3, 0, 4, "abcd", "q"}},
			"unknown", "did not reach the same index"},
		{"stuck, and the others' states differ",
			[]storedLog{{1, 0, 6, "abcdef", "s"}, {2, 0, 6, "abcdef", "y"}, {3, 0, 4, "abcd", "q"}},
			"violation", "at index 6 node 2 has state y and node 1 has s"},
		{"one is silent, and the others differ", []storedLog{{1, 0, 4, "abcd", ""}, {2, 0, 4, "aXcd", ""}},
			"violation", "differ from entry 2 on"},
		{"one is silent, and the others are equal", []storedLog{{1, 0, 4, "abcd", "s"}, {2, 0, 4, "abcd", "s"}},
			"unknown", "2 of 3 nodes answer"},
		{"one has nothing else but a snapshot",
			[]storedLog{{1, 0, 4, "abcd", "s"}, {2, 0, 4, "abcd", "s"}, {3, 4, 4, "", "s"}},
			"ok", "up to index 4: there the states were compared"},
		{"nothing but a snapshot, of which no state is told",
			[]storedLog{{1, 0, 4, "abcd", ""}, {2, 0, 4, "abcd", ""}, {3, 4, 4, "", ""}}, "unknown", "no entry that all nodes"},
		{"behind what others compacted", []storedLog{{1, 5, 6, "f", "s"}, {2, 0, 6, "abcdef", "s"}, {3, 0, 4, "abcd", "q"}},
			"unknown", "compacted its log up to 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &run{number: 1, sys: &storedLogs{nodes: c.nodes}}
				r.scenario.Nodes = 3
				if err := r.checkLogs(t.Context()); err != nil {
					t.Fatal(err)
				}
				said := strings.Join(slices.Concat(r.unsafe, r.invalid, r.warnings), "\n")
				if r.safety.Logs != c.logs || !strings.Contains(said, c.says) {
					t.Errorf("got %q: %s; want %q: %s", r.safety.Logs, said, c.logs, c.says)
				}
				if unsafe := len(r.unsafe) > 0; unsafe != (c.logs == "violation") {
					t.Errorf("%q, and unsafe says %q", c.logs, r.unsafe)
				}
			})
		})
	}
}
