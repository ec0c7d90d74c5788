package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

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
		want exitCode
		says string
	}{
		{[]string{dir}, exitOK, "cannot"},
		{[]string{dir, dir}, exitOK, "cannot resolve"},
		{[]string{dir, dir, "-o", page}, exitOK, "index.html"},
		{[]string{dir, dir, "--max-regression", outage + "900%"}, exitOK, "transport=quic"},
		{[]string{dir, dir, "--max-regression", outage + "0%"}, exitCannotResolve, "cannot resolve whether"},
		{[]string{dir, dir, "--threshold", "outage.p50<1ms"}, exitThreshold, "failed with"},
		{[]string{dir, dir, "--threshold", "outage.p99<9s"}, exitCannotResolve, "too small"},
		{[]string{dir, dir, "--max-regression", "outtage=5%"}, exitUsage, "no such metric"},
		{[]string{dir, dir, "--max-regression", "much"}, exitUsage, "10%"},
		{[]string{dir, dir, "--matters", "2"}, exitUsage, "threshold = 2"},
		{[]string{dir, other}, exitUsage, "durability none, not fsync"},
		{[]string{dir, other, "--anyway"}, exitOK, "WARNING"},
		{[]string{dir, t.TempDir()}, exitUsage, "not a result"},
		{[]string{dir, dir, "--floor", t.TempDir()}, exitUsage, "not a result"},
		{nil, exitUsage, "BASE NEW"},
	} {
		var stdout, stderr bytes.Buffer
		got := run(t.Context(), append([]string{"compare"}, c.args...), &stdout, &stderr)
		if said := stdout.String() + stderr.String(); got != int(c.want) || !strings.Contains(said, c.says) {
			t.Errorf("%q: exit code %d, want %d and %q; %s", c.args, got, c.want, c.says, said)
		}
	}
}
