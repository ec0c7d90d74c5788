package result_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/resulttest"
)

// FuzzOpen puts arbitrary bytes in the place of one file of a result directory: no panic, whatever it says.
func FuzzOpen(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "fixture")
	if err := resulttest.Write(dir, resulttest.Options{Trials: 2, Noops: 1}); err != nil {
		f.Fatal(err)
	}
	names := []string{
		result.ManifestFile, result.SummaryFile, result.CalibrationFile, result.TrialsFile, result.TimelineFile,
		result.StagesFile, result.EventsFile, result.ScenarioFile, result.IntervalsFile,
	}
	originals := make([][]byte, len(names))
	for i, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			continue // this fixture has none
		}
		originals[i] = data
		f.Add(uint8(i), data[:min(len(data), 4<<10)])
	}
	f.Add(uint8(0), []byte("{}"))
	f.Add(uint8(1), []byte(`{"schema":"raftmark.summary/1","arms":[{"name":"a"},{"name":"a"}]}`))
	f.Add(uint8(6), []byte("{\"arm\":\"x\"}\n"))
	// What is read after the checksums were compared is only reached without them.
	if err := os.Remove(filepath.Join(dir, result.ChecksumsFile)); err != nil && !os.IsNotExist(err) {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		i := int(which) % len(names)
		path := filepath.Join(dir, names[i])
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = result.Open(dir)
		if originals[i] == nil {
			_ = os.Remove(path)
			return
		}
		if err := os.WriteFile(path, originals[i], 0o600); err != nil {
			t.Fatal(err)
		}
	})
}
