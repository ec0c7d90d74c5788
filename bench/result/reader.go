package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Result is a result directory in memory, except for the operations (see Ops).
type Result struct {
	Dir         string
	Manifest    Manifest
	Scenario    []byte
	Calibration Calibration
	Summary     Summary
	Trials      []Trial
	Timeline    []TimelineBin
	Stages      []StageRow
	Events      []Event
	Exchange    []ExchangeRow   // empty unless transports were measured alone
	Saturation  []SaturationRow // empty unless the knee was searched for
	// Missing names the files that are not there.
	Missing []string

	arms map[string]bool
}

// Open reads and checks a result directory.
func Open(dir string) (*Result, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("open result: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("open result: %s: %w: it is a file", dir, ErrNotResult)
	}
	r := &Result{Dir: dir, arms: map[string]bool{}}
	if err := r.read(); err != nil {
		return nil, fmt.Errorf("open result %s: %w", dir, err)
	}
	return r, nil
}

func (r *Result) read() error {
	if err := r.readRequired(); err != nil {
		return err
	}
	if err := verifyChecksums(r.Dir); err != nil {
		return err
	}
	for _, arm := range r.Summary.Arms {
		r.arms[arm.Name] = true
	}
	if err := r.readOptional(); err != nil {
		return err
	}
	return r.validateRecords()
}

func (r *Result) readRequired() error {
	for _, f := range []struct {
		name, schema string
		into         any
		got          *string
	}{
		{ManifestFile, ManifestSchema, &r.Manifest, &r.Manifest.Schema},
		{SummaryFile, SummarySchema, &r.Summary, &r.Summary.Schema},
	} {
		data, err := os.ReadFile(filepath.Join(r.Dir, f.name))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s is missing", ErrNotResult, f.name)
		}
		if err != nil {
			return err
		}
		if err := checkSchemaOf(f.name, data, f.schema); err != nil {
			return err
		}
		if err := decodeJSON(f.name, data, f.into); err != nil {
			return err
		}
	}
	if err := r.Summary.Validate(); err != nil {
		return &FileError{File: SummaryFile, Err: err}
	}
	return nil
}

func (r *Result) readOptional() error {
	var err error
	if r.Scenario, err = r.readFile(ScenarioFile); err != nil {
		return err
	}
	data, err := r.readFile(CalibrationFile)
	if err != nil {
		return err
	}
	r.Calibration = r.Summary.Calibration
	if data != nil {
		if err := decodeJSON(CalibrationFile, data, &r.Calibration); err != nil {
			return err
		}
	}
	if r.Trials, err = readCSV[Trial](r, TrialsFile); err != nil {
		return err
	}
	if r.Timeline, err = readCSV[TimelineBin](r, TimelineFile); err != nil {
		return err
	}
	if r.Stages, err = readCSV[StageRow](r, StagesFile); err != nil {
		return err
	}
	if r.Events, err = r.readEvents(); err != nil {
		return err
	}
	if err := errors.Join(r.readExchange(), r.readSaturation()); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(r.Dir, OpsFile)); errors.Is(err, fs.ErrNotExist) {
		r.Missing = append(r.Missing, OpsFile)
	}
	return nil
}

// readFile returns nil, and notes the name, when the file is not there.
func (r *Result) readFile(name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(r.Dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		r.Missing = append(r.Missing, name)
		return nil, nil
	}
	return data, err
}

func (r *Result) readEvents() ([]Event, error) {
	data, err := r.readFile(EventsFile)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	if data[len(data)-1] != '\n' {
		return nil, fileErrorf(EventsFile, bytes.Count(data, []byte("\n"))+1, "", "%w", errTruncated)
	}
	var events []Event
	for i, line := range bytes.Split(data[:len(data)-1], []byte("\n")) {
		var event Event
		if err := json.Unmarshal(line, &event); err != nil {
			return nil, fileErrorf(EventsFile, i+1, fieldOf(err), "%w", err)
		}
		if !r.arms[event.Arm] {
			return nil, unknownArm(EventsFile, i+1, event.Arm)
		}
		events = append(events, event)
	}
	return events, nil
}

func readCSV[T any](r *Result, name string) ([]T, error) {
	data, err := r.readFile(name)
	if err != nil || data == nil {
		return nil, err
	}
	return decodeCSV[T](name, bytes.NewReader(data))
}

func decodeCSV[T any](name string, from io.Reader) ([]T, error) {
	decoder, err := newCSVDecoder[T](name, from)
	if err != nil {
		return nil, err
	}
	var rows []T
	for {
		var row T
		err := decoder.decode(&row)
		if err == io.EOF { //nolint:errorlint // the decoder's bare EOF
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
}

// decodeJSON names the line and the field of what does not fit.
func decodeJSON(name string, data []byte, into any) error {
	err := json.Unmarshal(data, into)
	if err == nil {
		return nil
	}
	return fileErrorf(name, lineOf(data, err), fieldOf(err), "decode JSON: %w", err)
}

func fieldOf(err error) string {
	var mistyped *json.UnmarshalTypeError
	if errors.As(err, &mistyped) {
		return mistyped.Field
	}
	return ""
}

func lineOf(data []byte, err error) int {
	var (
		mistyped *json.UnmarshalTypeError
		syntax   *json.SyntaxError
		offset   = int64(-1)
	)
	switch {
	case errors.As(err, &mistyped):
		offset = mistyped.Offset
	case errors.As(err, &syntax):
		offset = syntax.Offset
	}
	if offset < 0 {
		return 0
	}
	return 1 + bytes.Count(data[:min(offset, int64(len(data)))], []byte("\n"))
}
