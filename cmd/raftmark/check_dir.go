package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/raftmark/raftmark/bench/check"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/internal/exit"
)

// dirReport is what raftmark check found in a result directory, and its JSON.
type dirReport struct {
	Directory string           `json:"directory"`
	Verdict   check.Verdict    `json:"verdict"`
	Histories []checkReport    `json:"histories"`
	Logs      check.LogsReport `json:"logs"`
	Missing   []string         `json:"missing"` // why the verdict is unknown, beside what the checks say
}

// runDir checks all histories of a result directory, or of its folder of histories.
func (f *checkFlags) runDir(w io.Writer, dir string) error {
	folder := filepath.Join(dir, result.HistoryDir)
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		folder = dir
	}
	names, err := filepath.Glob(filepath.Join(escapeGlob(folder), "*"+result.HistorySuffix))
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return exit.Usage(fmt.Errorf("%s: no histories: neither *%s nor %s/*%s", dir, result.HistorySuffix,
			result.HistoryDir, result.HistorySuffix))
	}
	if err := result.VerifyHistories(folder); err != nil {
		return fmt.Errorf("histories in %s: %w", folder, err)
	}
	report := dirReport{Directory: filepath.ToSlash(dir), Verdict: check.VerdictOK, Missing: []string{}}
	for _, name := range names {
		one, err := f.history(name)
		if err != nil {
			return err
		}
		one.History = filepath.Base(name)
		report.add(one)
		if !f.asJSON {
			fmt.Fprintf(w, "%s: ", one.History)
			if err := one.print(w); err != nil {
				return err
			}
		}
	}
	if err := report.compareLogs(folder); err != nil {
		return err
	}
	if f.asJSON {
		err = writeIndented(w, report)
	} else {
		err = report.print(w)
	}
	return errors.Join(err, exitOf(report.Verdict))
}

// escapeGlob makes a path a pattern of itself.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

func (r *dirReport) add(one checkReport) {
	r.Histories = append(r.Histories, one)
	r.Verdict = check.Worse(r.Verdict, one.verdict())
	if one.LostWrites == nil && one.Operations > 0 {
		r.miss("%s has no final reads: its run was broken off, or its machine keeps nothing", one.History)
	}
}

func (r *dirReport) miss(format string, args ...any) {
	r.Missing = append(r.Missing, fmt.Sprintf(format, args...))
	r.Verdict = check.Worse(r.Verdict, check.VerdictUnknown)
}

func (r *dirReport) compareLogs(folder string) error {
	rows, err := result.ReadLogChains(folder)
	if err != nil {
		return err
	}
	nodes := make([]check.NodeLog, len(rows))
	runs := map[string]bool{}
	for i, row := range rows {
		nodes[i] = check.NodeLog{
			Run: fmt.Sprintf("run %d of %s", row.Run, row.Arm), Nodes: row.Nodes, Node: row.Node, After: row.After,
			Upto: row.Upto, Chain: row.Chain, StateIndex: row.StateIndex, State: row.State,
		}
		runs[nodes[i].Run] = true
	}
	r.Logs = check.SameLogs(nodes)
	r.Verdict = check.Worse(r.Verdict, r.Logs.Verdict)
	seen := map[string]bool{}
	for _, h := range r.Histories {
		seen[result.HistoryRun(h.History)] = true
	}
	if len(seen) > len(runs) {
		r.miss("%s has the logs of %d of %d runs", result.LogChainsFile, len(runs), len(seen))
	}
	return nil
}

func (r *dirReport) print(w io.Writer) error {
	fmt.Fprintf(w, "logs: %s: %d entries of %d runs compared on all nodes\n", r.Logs.Verdict, r.Logs.Entries, r.Logs.Runs)
	for _, example := range append(r.Logs.Examples, r.Missing...) {
		fmt.Fprintf(w, "  %s\n", example)
	}
	_, err := fmt.Fprintf(w, "verdict: %s\n", r.Verdict)
	return err
}
