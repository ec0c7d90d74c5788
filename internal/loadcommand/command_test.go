package loadcommand

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/loadgen"
)

// The command asks its destination, with what the flags mean, before anything is opened: every fault is one error, a
// usage error.
func TestCheckAsksTheDestination(t *testing.T) {
	var reach Reach
	var load loadgen.Options
	own := ""
	fault := errors.New("no way there")
	cmd := New(Destination{
		AddressFlag: "somewhere", AddressUsage: "addresses",
		Bind: func(cmd *cobra.Command) { cmd.Flags().StringVar(&own, "own", "", "of this destination") },
		Check: func(r Reach, l loadgen.Options) error {
			reach, load = r, l
			return fault
		},
		Open: func(Reach) (Target, error) { return nil, io.ErrUnexpectedEOF },
	})
	err := cmd.ParseFlags(strings.Fields("--somewhere a:1,b:2 --conns 3 --own x -r 7/s --mix incr=1 --hot-share 2"))
	if err != nil {
		t.Fatal(err)
	}
	err = cmd.PreRunE(cmd, nil)
	if exit.Of(err) != exit.UsageError || !strings.Contains(err.Error(), "no way there") ||
		!strings.Contains(err.Error(), "--hot-share = 2") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	if strings.Join(reach.Addrs, " ") != "a:1 b:2" || reach.Conns != 3 || reach.Clock != load.Clock || own != "x" ||
		load.Rate != 7 || load.Workload.IncrShare != 1 {
		t.Errorf("got %+v, %+v, %q", reach, load, own)
	}
	err = cmd.Args(cmd, []string{"c:3"})
	if exit.Of(err) != exit.UsageError || !strings.Contains(err.Error(), "--somewhere") {
		t.Errorf("got %v", err)
	}
	fault = nil
	if err := cmd.ParseFlags([]string{"--hot-share", "0"}); err != nil {
		t.Fatal(err)
	}
	if err := cmd.PreRunE(cmd, nil); err != nil {
		t.Fatal(err)
	}
	if err := cmd.RunE(cmd, nil); exit.Of(err) != exit.UsageError || !strings.Contains(err.Error(), "unexpected EOF") {
		t.Errorf("got %v", err)
	}
}
