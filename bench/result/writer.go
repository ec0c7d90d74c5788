package result

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
)

// Writer writes a result directory. See the package comment for the order of calls.
type Writer struct {
	dir        string
	manifest   Manifest
	trials     []Trial
	exchange   []ExchangeRow
	saturation []SaturationRow
	checksums  map[string]string // name of the file to SHA-256 in hexadecimal
	histories  map[string]string // the same, of those in HistoryDir
}

// Create makes dir, and its parents, for a new result. It refuses a directory that already has files in it.
func Create(dir string) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create result directory: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("create result directory: %w", err)
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("create result directory: %s is not empty (it has %s)", dir, entries[0].Name())
	}
	return &Writer{dir: dir, checksums: map[string]string{}, histories: map[string]string{}}, nil
}

// Dir is the directory given to Create.
func (w *Writer) Dir() string { return w.dir }

// WriteManifest writes manifest.json. An empty Schema is filled in.
func (w *Writer) WriteManifest(m Manifest) error {
	if m.Schema == "" {
		m.Schema = ManifestSchema
	}
	if err := checkSchema(ManifestFile, m.Schema, ManifestSchema); err != nil {
		return err
	}
	w.manifest = m
	return w.writeJSON(ManifestFile, m)
}

// WriteScenario writes scenario.yaml: the effective scenario.
func (w *Writer) WriteScenario(yaml []byte) error {
	return w.write(ScenarioFile, func(out io.Writer) error {
		_, err := out.Write(yaml)
		return err
	})
}

// WriteCalibration writes calibration.json.
func (w *Writer) WriteCalibration(c Calibration) error { return w.writeJSON(CalibrationFile, c) }

// WriteTrials writes trials.csv: the trials of all arms.
func (w *Writer) WriteTrials(trials []Trial) error {
	w.trials = slices.Clone(trials)
	return writeCSV(w, TrialsFile, trials)
}

// WriteTimeline writes timeline.csv: the bins of all arms, each arm's in the order of time.
func (w *Writer) WriteTimeline(bins []TimelineBin) error { return writeCSV(w, TimelineFile, bins) }

// WriteStages writes stages.csv.
func (w *Writer) WriteStages(rows []StageRow) error { return writeCSV(w, StagesFile, rows) }

// WriteFollowerStages writes stages_followers.csv.
func (w *Writer) WriteFollowerStages(rows []FollowerStageRow) error {
	return writeCSV(w, FollowersFile, rows)
}

// WriteEvents writes events.jsonl.
func (w *Writer) WriteEvents(events []Event) error {
	return w.write(EventsFile, func(out io.Writer) error {
		encoder := json.NewEncoder(out)
		for i := range events {
			if err := encoder.Encode(&events[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// WriteOps writes ops.csv.gz from a sequence. Use OpsWriter to write while the run goes on.
func (w *Writer) WriteOps(rows iter.Seq[OpRow]) error {
	ops, err := w.NewOpsWriter()
	if err != nil {
		return err
	}
	for row := range rows {
		if err := ops.Write(row); err != nil {
			ops.Abort()
			return err
		}
	}
	return ops.Close()
}

// WriteSummary checks s and writes summary.json, and beside it summary.csv and benchfmt.txt, which also quote the
// manifest and the trials written before. An empty Schema is filled in.
func (w *Writer) WriteSummary(s Summary) error {
	if s.Schema == "" {
		s.Schema = SummarySchema
	}
	if err := s.Validate(); err != nil {
		return fmt.Errorf("write %s: %w", SummaryFile, err)
	}
	if err := w.writeJSON(SummaryFile, s); err != nil {
		return err
	}
	if err := w.write(SummaryCSVFile, func(out io.Writer) error { return writeSummaryCSV(out, s) }); err != nil {
		return err
	}
	if err := w.writeCI(s); err != nil {
		return err
	}
	return w.write(BenchfmtFile, func(out io.Writer) error {
		return errors.Join(writeBenchfmt(out, w.manifest, s, w.trials), exchangeRows(out, w.manifest, w.exchange),
			shareRows(out, w.manifest, w.saturation))
	})
}

// Close writes SHA256SUMS, and that of the histories. The Writer is not used after it.
func (w *Writer) Close() error {
	_, err := writeFile(w.dir, ChecksumsFile, func(out io.Writer) error { return writeChecksums(out, w.checksums) })
	if len(w.histories) > 0 {
		_, historyErr := writeFile(filepath.Join(w.dir, HistoryDir), ChecksumsFile,
			func(out io.Writer) error { return writeChecksums(out, w.histories) })
		err = errors.Join(err, historyErr)
	}
	return err
}

func (w *Writer) writeJSON(name string, v any) error {
	return w.write(name, func(out io.Writer) error {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(v)
	})
}

func writeCSV[T any](w *Writer, name string, rows []T) error {
	return w.write(name, func(out io.Writer) error { return encodeCSV(out, rows) })
}

func encodeCSV[T any](out io.Writer, rows []T) error {
	encoder, err := newCSVEncoder[T](out)
	if err != nil {
		return err
	}
	for i := range rows {
		if err := encoder.encode(&rows[i]); err != nil {
			return fmt.Errorf("row %d: %w", i+1, err)
		}
	}
	return encoder.flush()
}

// write replaces a file by what fill writes, in one step.
func (w *Writer) write(name string, fill func(io.Writer) error) error {
	sum, err := writeFile(w.dir, name, fill)
	if err == nil {
		w.checksums[name] = sum
	}
	return err
}

// writeFile replaces a file of dir by what fill writes, in one step, and returns its SHA-256.
func writeFile(dir, name string, fill func(io.Writer) error) (sum string, err error) {
	file, err := createAtomic(dir, name)
	if err != nil {
		return "", err
	}
	buffered := bufio.NewWriterSize(file, 1<<16)
	if err := errors.Join(fill(buffered), buffered.Flush()); err != nil {
		file.abort()
		return "", fmt.Errorf("write %s: %w", filepath.Join(dir, name), err)
	}
	return file.commit()
}
