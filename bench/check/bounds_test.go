package check

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/raftmark/raftmark/loadgen"
)

// hard is a register's history that takes porcupine exponential work: n overlapping writes, and reads of them.
func hard(n int) []porcupine.Operation {
	var ops []porcupine.Operation
	for i := range n {
		value := fmt.Sprint(i)
		ops = append(ops,
			porcupine.Operation{Input: access{kind: loadgen.Set, value: value, answered: true}, Call: 0, Return: 1000},
			porcupine.Operation{Input: access{kind: loadgen.Get, value: value, answered: true}, Call: 0, Return: 1000},
		)
	}
	// Two reads that no order explains: the same value before and after another one.
	return append(ops,
		porcupine.Operation{Input: access{kind: loadgen.Get, value: "0", answered: true}, Call: 1001, Return: 1002},
		porcupine.Operation{Input: access{kind: loadgen.Get, value: "1", answered: true}, Call: 1003, Return: 1004})
}

// A search that would need more memory than it may have is given up: its answer is neither ok nor a violation.
func TestSearchEndsAtItsMemory(t *testing.T) {
	if got := search(hard(5), "", time.Hour, 1<<20); got != porcupine.Illegal {
		t.Errorf("a small search: %v, want %v: else the test proves nothing", got, porcupine.Illegal)
	}
	if got := search(hard(40), "", time.Hour, 1<<20); got != porcupine.Unknown {
		t.Errorf("a large search: %v, want %v", got, porcupine.Unknown)
	}
}

func TestReadingIsBounded(t *testing.T) {
	h := &History{}
	for i := range uint64(10) {
		h.Ops = append(h.Ops, Op{Seq: i, Kind: loadgen.Set, Key: "k", Value: fmt.Sprint(i), Done: time.Microsecond})
	}
	var file bytes.Buffer
	if err := h.Write(&file); err != nil {
		t.Fatal(err)
	}
	written := file.Bytes()
	for most, dropped := range map[int]int64{9: 1, 10: 0} {
		got, err := Read(bytes.NewReader(written), ReadLimits{OpsMax: most})
		if err != nil || len(got.Ops) != min(most, 10) || got.Dropped != dropped {
			t.Errorf("at most %d: %d operations, %d dropped, %v", most, len(got.Ops), got.Dropped, err)
			continue
		}
		want := VerdictOK
		if dropped > 0 {
			want = VerdictUnknown
		}
		if verdict := Linearizable(got, time.Minute).Verdict; verdict != want {
			t.Errorf("at most %d: %s, want %s", most, verdict, want)
		}
	}
	var long bytes.Buffer
	zipped := gzip.NewWriter(&long)
	_, _ = io.Copy(zipped, io.LimitReader(zeros{}, 1<<28)) // a quarter of a megabyte of file
	_ = zipped.Close()
	if _, err := Read(&long, ReadLimits{}); !errors.Is(err, ErrNotHistory) || !strings.Contains(err.Error(), "longer") {
		t.Errorf("a line of 256 MiB: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestSameLogs(t *testing.T) {
	node := func(id uint64, change func(*NodeLog)) NodeLog {
		n := NodeLog{Run: "run 1", Nodes: 2, Node: id, After: 3, Upto: 10, Chain: "c", StateIndex: 10, State: "s"}
		if change != nil {
			change(&n)
		}
		return n
	}
	for name, c := range map[string]struct {
		change func(*NodeLog)
		want   Verdict
	}{
		"equal":           {nil, VerdictOK},
		"other entries":   {func(n *NodeLog) { n.Chain = "d" }, VerdictViolation},
		"another state":   {func(n *NodeLog) { n.State = "t" }, VerdictViolation},
		"another range":   {func(n *NodeLog) { n.Upto, n.Chain = 9, "d" }, VerdictUnknown},
		"another index":   {func(n *NodeLog) { n.StateIndex, n.State = 9, "t" }, VerdictUnknown},
		"another run":     {func(n *NodeLog) { n.Run = "run 2" }, VerdictUnknown},
		"the same node":   {func(n *NodeLog) { n.Node = 1 }, VerdictUnknown},
		"a larger system": {func(n *NodeLog) { n.Nodes = 3 }, VerdictOK}, // the first one says how many there are
	} {
		got := SameLogs([]NodeLog{node(1, nil), node(2, c.change)})
		if got.Verdict != c.want || (c.want == VerdictOK) != (len(got.Examples) == 0) {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
	if got := SameLogs([]NodeLog{node(1, nil)}); got.Verdict != VerdictUnknown || got.Entries != 7 {
		t.Errorf("one of two nodes: %+v", got)
	}
}
