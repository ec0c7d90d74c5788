package main

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/reports/resulttest"
)

func TestCompareExitCodes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "result")
	if err := resulttest.Write(dir, resulttest.Options{Trials: 8, Noops: 1, RatePS: 50, SteadyS: 1}); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other")
	unlike := resulttest.Options{Trials: 8, Noops: 1, RatePS: 60, SteadyS: 1, Durability: "none"}
	if err := resulttest.Write(other, unlike); err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(t.TempDir(), "page")
	const outage = "outage after leader-kill="
	for _, c := range []struct {
		args []string
		want exit.Code
		says string
	}{
		{[]string{dir}, exit.OK, "cannot"},
		{[]string{dir, dir}, exit.OK, "cannot resolve"},
		{[]string{dir, dir, "-o", page}, exit.OK, "index.html"},
		{[]string{dir, dir, "--max-regression", outage + "900%"}, exit.OK, "transport=quic"},
		{[]string{dir, dir, "--max-regression", outage + "0%"}, exit.CannotResolve, "cannot resolve whether"},
		{[]string{dir, dir, "--threshold", "outage.p50<1ms"}, exit.Threshold, "failed with"},
		{[]string{dir, dir, "--threshold", "outage.p99<9s"}, exit.CannotResolve, "too small"},
		{[]string{dir, dir, "--max-regression", "outtage=5%"}, exit.UsageError, "no such metric"},
		{[]string{dir, dir, "--max-regression", "much"}, exit.UsageError, "10%"},
		{[]string{dir, dir, "--matters", "2"}, exit.UsageError, "threshold = 2"},
		{[]string{dir, other}, exit.UsageError, "durability none, not fsync"},
		{[]string{dir, other, "--anyway"}, exit.OK, "WARNING"},
		{[]string{dir, t.TempDir()}, exit.UsageError, "not a result"},
		{[]string{dir, dir, "--floor", t.TempDir()}, exit.UsageError, "not a result"},
		{nil, exit.UsageError, "BASE NEW"},
	} {
		var stdout, stderr bytes.Buffer
		got := run(t.Context(), append([]string{"compare"}, c.args...), &stdout, &stderr)
		if said := stdout.String() + stderr.String(); got != int(c.want) || !strings.Contains(said, c.says) {
			t.Errorf("%q: exit code %d, want %d and %q; %s", c.args, got, c.want, c.says, said)
		}
	}
}

// TestGateSeesAKnownRegression makes every outage of a stored result longer by half: the gate has to fail on it, and
// not on another result of what the base is one of.
func TestGateSeesAKnownRegression(t *testing.T) {
	home := t.TempDir()
	options := resulttest.Options{Trials: 24, Noops: 1, RatePS: 40, SteadyS: 1}
	base, again, slower := filepath.Join(home, "base"), filepath.Join(home, "again"), filepath.Join(home, "slower")
	for dir, seed := range map[string]uint64{base: 1, again: 2, slower: 3} {
		options.Seed = seed
		if err := resulttest.Write(dir, options); err != nil {
			t.Fatal(err)
		}
	}
	edit(t, slower, result.TrialsFile, func(data []byte) []byte { return scaleColumn(t, data, "outage_ms", 1.5) })
	if err := os.Remove(filepath.Join(slower, result.ChecksumsFile)); err != nil { // it is of before the edit
		t.Fatal(err)
	}
	const limit = "outage after leader-kill=10%"
	for fresh, want := range map[string]exit.Code{slower: exit.Threshold, again: exit.CannotResolve} {
		var stdout, stderr bytes.Buffer
		got := run(t.Context(), []string{"compare", base, fresh, "--max-regression", limit}, &stdout, &stderr)
		if got != int(want) {
			t.Errorf("%s: exit code %d, want %d; %s%s", filepath.Base(fresh), got, want, &stdout, &stderr)
		}
		if worse := strings.Contains(stdout.String(), "worse"); worse != (fresh == slower) {
			t.Errorf("%s: got %s", filepath.Base(fresh), &stdout)
		}
	}
}

// scaleColumn multiplies the values of a CSV column.
func scaleColumn(t *testing.T, data []byte, column string, factor float64) []byte {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.Index(rows[0], column)
	for _, row := range rows[1:] {
		value, err := strconv.ParseFloat(row[at], 64)
		if err != nil {
			t.Fatal(err)
		}
		row[at] = strconv.FormatFloat(value*factor, 'g', -1, 64)
	}
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
