// Package result reads and writes the result directory: everything that a run of the bench leaves behind, and the only
// thing that a report is made from.
//
//	bench ──► Writer ──► DIR/manifest.json  scenario.yaml  calibration.json
//	                         trials.csv  timeline.csv  stages.csv  events.jsonl  ops.csv.gz
//	                         intervals.hlog  response-ARM.hgrm  service-ARM.hgrm
//	                         exchange.csv  saturation.csv           what a scenario has instead
//	                         summary.json  summary.csv  benchfmt.txt  ci-smaller-is-better.json  ci-bigger-is-better.json
//	                         history/runN-ARM.csv.gz  history/logs.csv       ──► raftmark check
//	                         SHA256SUMS                    ──► Open ──► Result ──► reports
//
// An election study in virtual time has elections.json, elections.csv and elections-steady.csv in the place of the
// records: see Writer.WriteElections and Result.Elections.
//
// Smallest use:
//
//	w, err := result.Create(dir)
//	err = w.WriteManifest(manifest)   // again at the end, with Finished set
//	err = w.WriteTrials(trials)
//	err = w.WriteSummary(summary)     // after WriteTrials: benchfmt.txt holds one line a trial
//	err = w.Close()
//
//	r, err := result.Open(dir)
//	for row, err := range r.Ops() { ... }
//
// What the caller of a Writer owes:
//
//  1. Write methods may be called in any order and again; the last call wins. Each replaces its file in one step (a
//     temporary file, synced, then renamed): a reader sees the old file or the new one, never a half.
//  2. WriteSummary comes after WriteManifest and WriteTrials, because summary.csv and benchfmt.txt quote them.
//  3. An OpsWriter, or IntervalsWriter, ends with Close or Abort. Its file appears at Close.
//  4. Close the Writer last. It writes SHA256SUMS over what was written; a directory without it is still readable.
//  5. A Writer is for one goroutine.
//
// What Open promises of the Result it returns:
//
//  1. manifest.json and summary.json are there, and their schema is of a major version that this package knows.
//  2. Each file named in SHA256SUMS has the contents that were written. A CSV file ends in a newline and has every
//     column of its struct, found by name; further columns are ignored.
//  3. Every record belongs to an arm of the summary. The number of trials agrees with the summary. Bins of an arm
//     follow each other in time without overlap.
//  4. Quantiles are finite and in order.
//
// A file that breaks one of these is a *FileError with the name of the file, the line and the field. The rows of
// ops.csv.gz are many: they are checked while they are read.
//
// Files besides manifest.json and summary.json may be missing, when the summary does not speak of what they hold; they
// are listed in Result.Missing, so that a report can mark the gap.
//
// This package does not decide whether a measurement is valid: that is the runner's, and the summary says it.
package result
