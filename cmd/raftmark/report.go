package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/reports"
)

// newReportCommand renders a stored result again. Its exit code is that of the measurement, as with bench: a page is
// made for an invalid or unsafe result too, stamped, but a script that goes on with its numbers must stop (L9).
func newReportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "report DIR",
		Short: "Render the report of a stored result again",
		Long: `Render the report of a stored result again, into DIR/report, and print the headline table.

The report is made from the files of DIR only; rendered again, it is the same bytes.

Exit codes: 0 the report is made and the measurement is valid; 1 the report could not be written;
2 DIR is no result, or is damaged; 5 the report is made, and says that the measurement is INVALID;
6 the report is made, and says that the cluster was UNSAFE.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Usage(fmt.Errorf("report takes one result directory, got %d arguments", len(args)))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			rendered, err := reports.Render(args[0])
			if errors.Is(err, reports.ErrResult) {
				return exit.Usage(err)
			}
			if err != nil {
				return err
			}
			cmd.Print(renderedText(rendered))
			return renderedExit(rendered)
		},
	}
}

// renderedText is what the terminal shows of a report: the stamp, the headline table, the findings, and where the page
// is.
func renderedText(r reports.Rendered) string {
	var b strings.Builder
	if r.Stamp != "" {
		fmt.Fprintf(&b, "%s\n", r.Stamp)
		for _, reason := range r.Reasons {
			fmt.Fprintf(&b, "  - %s\n", reason)
		}
		b.WriteString("\n")
	}
	b.WriteString(r.Headline + "\n")
	for _, line := range r.Verdict {
		b.WriteString(line + "\n")
	}
	fmt.Fprintf(&b, "\nreport: %s\n", r.Page)
	return b.String()
}

// renderedExit turns a stamp into the exit code that goes with it. The text has said everything.
func renderedExit(r reports.Rendered) error {
	switch r.Stamp {
	case reports.StampUnsafe:
		return exit.Error{Code: exit.Unsafe}
	case reports.StampInvalid:
		return exit.Error{Code: exit.Invalid}
	default:
		return nil
	}
}
