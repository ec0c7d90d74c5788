package result

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
)

// OpsWriter writes ops.csv.gz row by row, so that a long run needs no memory for it.
type OpsWriter struct {
	owner    *Writer
	file     *atomicFile
	buffered *bufio.Writer
	zip      *gzip.Writer
	encoder  *csvEncoder[OpRow]
	rows     int
}

// NewOpsWriter starts ops.csv.gz. The file appears at Close.
func (w *Writer) NewOpsWriter() (*OpsWriter, error) {
	file, err := createAtomic(w.dir, OpsFile)
	if err != nil {
		return nil, err
	}
	o := &OpsWriter{owner: w, file: file, buffered: bufio.NewWriterSize(file, 1<<16)}
	// The fastest level: the rows are written beside a measurement, and are mostly digits.
	if o.zip, err = gzip.NewWriterLevel(o.buffered, gzip.BestSpeed); err == nil {
		o.encoder, err = newCSVEncoder[OpRow](o.zip)
	}
	if err != nil {
		file.abort()
		return nil, fmt.Errorf("write %s: %w", OpsFile, err)
	}
	return o, nil
}

// Write adds a row.
func (o *OpsWriter) Write(row OpRow) error {
	o.rows++
	if err := o.encoder.encode(&row); err != nil {
		return fmt.Errorf("write %s: row %d: %w", OpsFile, o.rows, err)
	}
	return nil
}

// Close makes the file appear.
func (o *OpsWriter) Close() error {
	if err := errors.Join(o.encoder.flush(), o.zip.Close(), o.buffered.Flush()); err != nil {
		o.file.abort()
		return fmt.Errorf("write %s: %w", OpsFile, err)
	}
	sum, err := o.file.commit()
	if err != nil {
		return err
	}
	o.owner.checksums[OpsFile] = sum
	return nil
}

// Abort gives the file up.
func (o *OpsWriter) Abort() { o.file.abort() }

// Ops reads ops.csv.gz row by row, checking each. A result without the file has no rows. After an error the sequence
// ends.
func (r *Result) Ops() iter.Seq2[OpRow, error] {
	return func(yield func(OpRow, error) bool) {
		file, err := os.Open(filepath.Join(r.Dir, OpsFile))
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(OpRow{}, err)
			return
		}
		defer file.Close()
		unzipped, err := gzip.NewReader(bufio.NewReaderSize(file, 1<<16))
		if err != nil {
			yield(OpRow{}, fileErrorf(OpsFile, 0, "", "not a gzip file: %w", err))
			return
		}
		decoder, err := newCSVDecoder[OpRow](OpsFile, unzipped)
		if err != nil {
			yield(OpRow{}, err)
			return
		}
		r.yieldOps(decoder, yield)
	}
}

func (r *Result) yieldOps(decoder *csvDecoder[OpRow], yield func(OpRow, error) bool) {
	var row OpRow
	for {
		err := decoder.decode(&row)
		if err == io.EOF { //nolint:errorlint // the decoder's bare EOF
			return
		}
		if err == nil {
			err = r.checkOp(decoder.line, &row)
		}
		if err != nil {
			yield(OpRow{}, err)
			return
		}
		if !yield(row, nil) {
			return
		}
	}
}

func (r *Result) checkOp(line int, row *OpRow) error {
	if !r.arms[row.Arm] {
		return unknownArm(OpsFile, line, row.Arm)
	}
	switch row.Outcome {
	case "ok", "failed", "unknown", "shed":
	default:
		return fileErrorf(OpsFile, line, "outcome", "%q is not ok, failed, unknown or shed", row.Outcome)
	}
	if row.Outcome == "ok" && row.DoneUs < 0 {
		return fileErrorf(OpsFile, line, "done_us", "%d, but the outcome is ok", row.DoneUs)
	}
	if row.SampledOneIn < 1 {
		return fileErrorf(OpsFile, line, "sampled_one_in", "%d < 1", row.SampledOneIn)
	}
	return nil
}
