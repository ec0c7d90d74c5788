package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/reports/resulttest"
)

func TestReportExitCodes(t *testing.T) {
	for verdict, want := range map[result.Verdict]exit.Code{
		result.VerdictOK: exit.OK, result.VerdictInvalid: exit.Invalid, result.VerdictUnsafe: exit.Unsafe,
	} {
		dir := filepath.Join(t.TempDir(), "result")
		err := resulttest.Write(dir, resulttest.Options{Trials: 1, Noops: 1, RatePS: 50, SteadyS: 1, Verdict: verdict})
		if err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		got := run(context.Background(), []string{"report", dir}, &stdout, &stderr)
		if got != int(want) {
			t.Errorf("%s: got exit code %d, want %d; %s", verdict, got, want, stderr.String())
		}
		page := filepath.Join(dir, "report", "index.html")
		if text := stdout.String(); !strings.Contains(text, page) || !strings.Contains(text, "transport=quic") {
			t.Errorf("%s: got %q, want the headline and %s", verdict, text, page)
		}
		stamp := strings.ToUpper(string(verdict))
		if verdict != result.VerdictOK && !strings.HasPrefix(stdout.String(), stamp) {
			t.Errorf("%s: got %q, want the stamp first", verdict, stdout.String())
		}
	}
}

func TestReportOfWhatIsNoResult(t *testing.T) {
	for _, args := range [][]string{{"report"}, {"report", t.TempDir()}, {"report", "a", "b"}} {
		var stdout, stderr bytes.Buffer
		if got := run(context.Background(), args, &stdout, &stderr); got != int(exit.UsageError) {
			t.Errorf("%v: got exit code %d, want %d", args, got, exit.UsageError)
		}
		if strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%v: got %q, want one line", args, stderr.String())
		}
	}
}
