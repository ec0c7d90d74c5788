package result_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/resulttest"
)

func TestExchangeIsReadBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fixture")
	if err := resulttest.WriteExchange(dir, resulttest.ExchangeOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	const cells = 3 + 3 + 2 // streams, echoes one at a time and 64 in flight without the largest
	if want := 3 * 6 * cells; len(r.Exchange) != want {
		t.Errorf("got %d rows, want %d", len(r.Exchange), want)
	}
	if row := r.Exchange[0]; row.Mode != result.ModeStream || row.P50Us <= 0 || row.LagP99Us != -1 {
		t.Errorf("got %+v", row)
	}
	text, err := os.ReadFile(filepath.Join(dir, result.BenchfmtFile))
	if err != nil {
		t.Fatal(err)
	}
	// A line for each run, so that benchstat has the runs as its sample.
	if got := strings.Count(string(text), "BenchmarkEcho/transport=quic/size=64/inflight=1-2 "); got != 6 {
		t.Errorf("got %d lines of one echo, want one a run:\n%s", got, text)
	}
	table, err := os.ReadFile(filepath.Join(dir, result.SummaryCSVFile))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(table), "transport=tls,exchange,echo/size=1024B/in_flight=64,round_trip_p50") {
		t.Errorf("got %s without a cell's median", table)
	}
}

func TestExchangeOfAnUnknownArmIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fixture")
	if err := resulttest.WriteExchange(dir, resulttest.ExchangeOptions{}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, result.ExchangeFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "transport=tls", "transport=udp", 1)
	if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, result.ChecksumsFile)); err != nil { // it would be noticed first
		t.Fatal(err)
	}
	if _, err := result.Open(dir); err == nil || !strings.Contains(err.Error(), "transport=udp") {
		t.Errorf("got %v, want that the arm is not known", err)
	}
}
