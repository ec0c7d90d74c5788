package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/raft/sim"
)

// runSim runs raftmark sim and returns its exit code and output.
func runSim(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), append([]string{"sim"}, args...), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestSimOfOneSeedRepeats(t *testing.T) {
	code, first, _ := runSim(t, "--seed", "3", "--seconds", "2")
	if code != 0 || !strings.Contains(first, "hash") ||
		!strings.Contains(first, "violations                                0\n") {
		t.Fatalf("got exit code %d and\n%s\nwant 0, a hash and no violations", code, first)
	}
	if _, second, _ := runSim(t, "--seed", "3", "--seconds", "2"); first != second {
		t.Errorf("two runs of one seed differ:\n%s\n%s", first, second)
	}
	_, traced, _ := runSim(t, "--seed", "3", "--seconds", "2", "--trace")
	if !strings.Contains(traced, "is leader in term") {
		t.Error("the trace of 2 seconds tells of no leader")
	}
}

// TestSimRefusesWhatProvesNothing runs too little: it exercises not everything. Of few runs that is no surprise.
func TestSimRefusesWhatProvesNothing(t *testing.T) {
	code, _, stderr := runSim(t, "--seeds", "100", "--seconds", "0.1")
	if code != int(exit.Invalid) || !strings.Contains(stderr, "never exercised") {
		t.Errorf("got exit code %d and %q; want %d and what was never exercised", code, stderr, exit.Invalid)
	}
	code, _, stderr = runSim(t, "--seeds", "1", "--seconds", "0.2")
	if code != 0 || !strings.Contains(stderr, "note: 1 runs") || !strings.Contains(stderr, "never exercised") {
		t.Errorf("got exit code %d and %q; want 0 and a note of what was never exercised", code, stderr)
	}
}

func TestSimRefusesBadFlags(t *testing.T) {
	for _, args := range [][]string{
		{"--seconds", "0"}, {"--seconds", "-1"}, {"--seeds", "-1"}, {"--without", "earthquake"}, {"--only", "x"}, {"extra"},
		{"--seeds", "0"}, {"--trace"}, {"--seed", "3", "--seeds", "5"}, {"--seed", "3", "--from", "5"},
	} {
		if code, _, stderr := runSim(t, args...); code != int(exit.UsageError) || stderr == "" {
			t.Errorf("%v: got exit code %d and %q, want %d and why", args, code, stderr, exit.UsageError)
		}
	}
}

// TestSimWritesRegression prints a failure that did not happen.
func TestSimWritesRegression(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "regressions")
	want := sim.Options{Seed: 9, Without: sim.Crash | sim.Torn}.WithDefaults()
	violation := &sim.Violation{Rule: "a rule", What: "what\nand a stack"}
	r := sim.Result{Options: want, Violation: violation, Tail: []string{"last"}}
	var out bytes.Buffer
	if err := printSimFailure(&out, &simFlags{out: dir}, r); exit.Of(err) != exit.Unsafe {
		t.Fatalf("got %v, want exit code %d", err, exit.Unsafe)
	}
	for _, part := range []string{"last\n", "VIOLATION a rule: what", "--seed 9 ", "--without crash,torn"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is not in\n%s", part, out.String())
		}
	}
	file, err := os.Open(filepath.Join(dir, "seed_9.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	got, err := sim.ReadOptions(file)
	if err != nil || got.Command() != want.Command() {
		t.Errorf("got %v, %v; want %v", got.Command(), err, want.Command())
	}
}
