package replica

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMetricsTable(t *testing.T) {
	m := Metrics{
		Proposals: 120_000, ProposalsBusy: 3, Batches: 4_000, MessagesIn: 9_001, MessagesOut: 9_002, MessagesDropped: 1,
		MessagesInvalid: 2, AppliedEntries: 119_990, Elections: 1, Writes: 4_100, WrittenEntries: 120_001,
		WrittenBytes: 17_000_000, SyncP50: 210 * time.Microsecond, SyncP99: time.Millisecond, SyncMax: 12 * time.Millisecond,
		EntriesAWriteP50: 28, EntriesAWriteP99: 96, OldestWriteAge: 40 * time.Microsecond,
		Reads: 5_000, ReadsFailed: 4, ReadsBusy: 2, ReadBatches: 700,
		Compactions: 12, CompactionsFailed: 1, SnapshotsCreated: 2, SnapshotsSent: 3, SnapshotsReceived: 4,
		SnapshotsInstalled: 5, SnapshotsAborted: 6, SnapshotBytesSent: 70_000_000, SnapshotBytesReceived: 80_000_000,
		Transfers: 3, TransfersFailed: 1, ConfigChanges: 7,
		ProposalsNoRoom: 8, MessagesNoRoom: 9, ApplyAge: 3 * time.Millisecond, DiskStalls: 2,
		LogBytes: 50_000_000, LogBytesMax: 1 << 30,
	}
	golden := filepath.Join("testdata", "metrics.golden.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(m.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.String(); got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
