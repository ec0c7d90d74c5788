package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/bench/calibrate"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/reports/table"
	"github.com/raftmark/raftmark/server"
)

func newCalibrateCommand() *cobra.Command {
	var dir string
	var each time.Duration
	cmd := &cobra.Command{
		Use:   "calibrate",
		Short: "Measure what this disk, network, clock and generator can do",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts := calibrate.Options{Dir: dir, Each: each}
			for _, name := range []string{server.TransportTCP, server.TransportTLS, server.TransportQUIC} {
				opts.Transports = append(opts.Transports,
					calibrate.Transport{Name: name, PayloadBytes: calibratedPayload})
			}
			if err := opts.WithDefaults().Validate(); err != nil {
				return exit.Usage(err)
			}
			c, err := calibrate.Run(cmd.Context(), opts)
			if err != nil {
				if cmd.Context().Err() != nil {
					return exit.Error{Code: exit.Interrupted, Err: err}
				}
				return err
			}
			fmt.Fprint(cmd.OutOrStdout(), calibrationTable(c).Text())
			fmt.Fprintf(cmd.OutOrStdout(), "\ngenerator: %s operations/s at most\ndurability class: %s\n",
				table.Count(int64(c.GeneratorMaxPerS)), c.DurabilityClass)
			fmt.Fprintf(cmd.OutOrStdout(), "storage: %s (file system %s, device %s, write cache %s)\n", c.Storage.Verdict,
				orUnknown(c.Storage.Filesystem), orUnknown(c.Storage.Device), orUnknown(c.Storage.WriteCache))
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "dir", ".", "folder whose disk is measured")
	cmd.Flags().DurationVar(&each, "each", time.Second, "time for each of the measurements")
	return cmd
}

// calibratedPayload is the length of the entry in the appends whose round trips are measured: that of the echo.
const calibratedPayload = 256

func calibrationTable(c result.Calibration) *table.Table {
	t := &table.Table{Columns: table.Columns("what", "n", "p50", "p99", "p99.9", "max")}
	type row struct {
		name string
		q    result.Quantiles
	}
	rows := []row{
		{"write 512 B + fdatasync", c.FsyncUs}, {"write over 4 KiB + fdatasync", c.Storage.OverwriteUs},
		{"write over 4 KiB", c.Storage.WriteUs}, {"loopback TCP echo of 256 B", c.RTTUs},
	}
	for _, t := range c.Transports {
		rows = append(rows, row{fmt.Sprintf("%s: append of %d B, acknowledged", t.Name, t.PayloadBytes), t.RTTUs},
			row{t.Name + ": heartbeat, answered", t.HeartbeatRTTUs})
	}
	for _, row := range append(rows, row{"sleep of 1 ms wakes late by", c.TimerLateUs}) {
		t.Add(table.Of(row.name), table.Of(table.Count(int64(row.q.N))),
			durationCell(row.q.P50), durationCell(row.q.P99), durationCell(row.q.P999), durationCell(row.q.Max))
	}
	return t
}

func orUnknown(text string) string { return cmp.Or(text, "unknown") }

// durationCell shows microseconds, or that the sample was too small.
func durationCell(us *float64) table.Cell {
	if us == nil {
		return table.Cell{Text: "n/a", Tone: table.Missing}
	}
	return table.Of(table.Duration(*us))
}
