package raft_test

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/raftmark/raftmark/raft/rafttest"
)

// TestScripts runs the scenarios of testdata; package rafttest explains their language. After a change that is meant,
// run it with -rewrite and read the difference.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if !strings.HasSuffix(path, ".txt") {
			t.Skip("no script")
		}
		last := ""
		var script rafttest.Script
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var args []string
			for _, arg := range d.CmdArgs {
				args = append(args, arg.String())
			}
			last = d.Cmd
			out, err := script.Run(d.Cmd, args, d.Input)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			return out
		})
		if last != "check-invariants" {
			t.Errorf("%s ends in %s, want check-invariants", path, last)
		}
	})
}
