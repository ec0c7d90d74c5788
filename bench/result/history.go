package result

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Names in a result directory of what its verdict of safety was made from (rule R21). The folder has checksums of its
// own: a result whose histories were left behind, because they are large, is still a result.
const (
	HistoryDir    = "history"
	HistorySuffix = ".csv.gz"
	LogChainsFile = "logs.csv"
)

// LogChain is a row of history/logs.csv: what one node held when a run had ended. Chain is the hash over its stored
// entries (After, Upto]; State that of its state machine at StateIndex. Both are equal on all nodes of a run, of which
// there are Nodes. An answer that a node did not give is empty.
type LogChain struct {
	Arm        string `csv:"arm"`
	Run        int    `csv:"run"`
	Nodes      int    `csv:"nodes"`
	Node       uint64 `csv:"node"`
	After      uint64 `csv:"after"`
	Upto       uint64 `csv:"upto"`
	Chain      string `csv:"chain"`
	StateIndex uint64 `csv:"state_index"`
	State      string `csv:"state"`
}

// WriteHistory writes history/RUN.csv.gz from what fill writes: what the clients of one run saw. A run with several
// loads, whose keys are not the same, has a history of each: history/RUN~PART.csv.gz.
func (w *Writer) WriteHistory(run, part string, fill func(io.Writer) error) error {
	if part != "" {
		run += partSeparator + part
	}
	return w.writeHistory(run+HistorySuffix, fill)
}

// partSeparator is in no name of a run.
const partSeparator = "~"

// HistoryRun returns the run that a file of histories is of.
func HistoryRun(file string) string {
	run, _, _ := strings.Cut(strings.TrimSuffix(file, HistorySuffix), partSeparator)
	return run
}

// WriteLogChains writes history/logs.csv: the rows of all runs.
func (w *Writer) WriteLogChains(rows []LogChain) error {
	return w.writeHistory(LogChainsFile, func(out io.Writer) error { return encodeCSV(out, rows) })
}

func (w *Writer) writeHistory(name string, fill func(io.Writer) error) error {
	dir := filepath.Join(w.dir, HistoryDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of histories: %w", err)
	}
	sum, err := writeFile(dir, name, fill)
	if err == nil {
		w.histories[name] = sum
	}
	return err
}

// ReadLogChains reads logs.csv in dir, the folder of histories; without the file there are none.
func ReadLogChains(dir string) ([]LogChain, error) {
	file, err := os.Open(filepath.Join(dir, LogChainsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return decodeCSV[LogChain](LogChainsFile, bufio.NewReader(file))
}

// VerifyHistories compares the files in dir, the folder of histories, with its checksums.
func VerifyHistories(dir string) error { return verifyChecksums(dir) }
