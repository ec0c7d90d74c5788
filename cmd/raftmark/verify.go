package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/reports/claims"
)

func newVerifyCommand() *cobra.Command {
	var write, quiet bool
	cmd := &cobra.Command{
		Use:   "verify FILE.md...",
		Short: "Check the figures that texts quote against the results they are of",
		Long: `Check the figures that Markdown files quote against the stored results they are of. What is bound to a result
stands between two comments, which a rendered page does not show:

  <!-- claims:
  run = results/20260102T150405Z-standard
  -->
  p99 is <!-- claim: run.arms[transport=tcp].steady.response_us.p99 us -->1.93 ms<!-- /claim -->

The package reports/claims has the whole of it: parts of results, templates for tables, rows of CSV files,
arithmetic, formats. For each value: file and line, what has to stand there, its query, the stored value,
the result. --write puts into the files what the results say.

Exit codes: 0 texts and results agree; 1 a file could not be written; 2 a claim that cannot be evaluated, a
result that is damaged or missing, or no claim at all; 3 text and data part, or the result does not hold.`,
		Example: `  raftmark verify README.md docs/*.md
  raftmark verify --write docs/transports.md`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.Usage(errors.New("verify takes Markdown files"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if write {
				changed, err := claims.Write(args)
				if errors.Is(err, claims.ErrQuery) {
					return exit.Usage(err)
				}
				if err != nil {
					return err
				}
				for _, file := range changed {
					cmd.Printf("wrote %s\n", file)
				}
			}
			return verify(cmd, args, quiet)
		},
	}
	cmd.Flags().BoolVar(&write, "write", false, "put what the results say into the files")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "say only what parts")
	return cmd
}

func verify(cmd *cobra.Command, files []string, quiet bool) error {
	findings, err := claims.Check(files)
	parted := 0
	for _, f := range findings {
		if f.State == claims.Parted {
			parted++
			cmd.Printf("%s:%d: PARTED: %s\n  %s = %s in %s\n", f.File, f.Line, f.Why, f.Expression, f.Value, f.Source)
		} else if !quiet {
			cmd.Printf("%s:%d: %s\n", f.File, f.Line, findingText(f))
		}
	}
	if err != nil {
		return exit.Usage(err)
	}
	if parted > 0 {
		err := fmt.Errorf("%d of %d values are not what the results say", parted, len(findings))
		return exit.Error{Code: exit.Threshold, Err: err}
	}
	cmd.Printf("%d values, all as the results say\n", len(findings))
	return nil
}

// findingText is a value with its query; of a whole section only how long it is.
func findingText(f claims.Finding) string {
	if f.Value == f.Text && len(f.Text) > 60 {
		return fmt.Sprintf("%d characters of %s  %s", len(f.Text), f.Source, f.Expression)
	}
	return fmt.Sprintf("%s  %s = %s  %s", f.Text, f.Expression, f.Value, f.Source)
}
