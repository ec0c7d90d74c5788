package loadcommand

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/raftmark/raftmark/loadgen"
)

// startLoadProgress shows where a run stands, once a second, until stop is called.
func startLoadProgress(f *loadFlags, g *loadgen.Generator, target Target, w io.Writer) (stop func()) {
	if f.quiet {
		return func() {}
	}
	show, end := loadProgressShow(f.progress, g, w)
	stopped := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-stopped:
				end()
				return
			case <-ticker.C:
				show(g.Counters(), target.Leader())
			}
		}
	})
	return func() {
		close(stopped)
		work.Wait()
	}
}

// loadProgressShow returns how one moment is shown, and what is done at the end.
func loadProgressShow(mode string, g *loadgen.Generator, w io.Writer) (
	show func(c loadgen.Counters, leader string), end func(),
) {
	file, isFile := w.(*os.File)
	switch {
	case mode == "json":
		encoder := json.NewEncoder(w)
		return func(c loadgen.Counters, leader string) {
			_ = encoder.Encode(struct { // progress that nobody can read is no reason to stop
				loadgen.Counters
				Leader string `json:"leader"`
			}{c, leader})
		}, func() {}
	case mode == "plain" || !isFile || !term.IsTerminal(int(file.Fd())):
		return func(c loadgen.Counters, leader string) {
			fmt.Fprintf(w, "%4.0fs  %s\n", c.At.Seconds(), loadProgressLine(c, leader))
		}, func() {}
	}
	total := int64(-1) // until interrupted
	if o := g.Options(); o.Duration > 0 {
		total = int64(o.Warmup + o.Duration)
	}
	bar := progressbar.NewOptions64(total, progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(20),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetElapsedTime(false))
	return func(c loadgen.Counters, leader string) {
		bar.Describe(loadProgressLine(c, leader))
		at := int64(c.At)
		if total >= 0 {
			at = min(at, total-1)
		}
		_ = bar.Set64(at)
	}, func() { _ = bar.Finish() }
}

func loadProgressLine(c loadgen.Counters, leader string) string {
	phase := ""
	if c.Warmup {
		phase = "warm-up  "
	}
	line := fmt.Sprintf("%soffered %d  ok %d (%d/s)  p50 %s  p99 %s  in flight %d", phase, c.Offered, c.OK, c.LastPerS,
		orDash(c.LastP50), orDash(c.LastP99), c.InFlight)
	for _, other := range []struct {
		name string
		n    int64
	}{{"failed", c.Failed}, {"unknown", c.Unknown}, {"shed", c.Shed}} {
		if other.n > 0 {
			line += fmt.Sprintf("  %s %d", other.name, other.n)
		}
	}
	return line + "  leader " + orNone(leader)
}

func orDash(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	us := float64(d.Microseconds())
	return latency(&us)
}
