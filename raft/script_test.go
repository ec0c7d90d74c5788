package raft_test

import (
	"os"
	"path/filepath"
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

// TestScriptsAreListed keeps docs/scripts.md complete, and each script's first paragraph in its place.
func TestScriptsAreListed(t *testing.T) {
	list, err := os.ReadFile("../docs/scripts.md")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	const scriptsMin = 40
	if len(paths) < scriptsMin {
		t.Errorf("%d scripts, want at least %d", len(paths), scriptsMin)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		if !strings.Contains(string(list), "["+name+"](../raft/"+path+")") {
			t.Errorf("docs/scripts.md does not list %s", name)
		}
		script, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(script), "# ") {
			t.Errorf("%s does not open with a paragraph on what it shows", path)
		}
	}
}
