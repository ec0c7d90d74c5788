package result

import (
	"encoding/json"
	"fmt"
	"io"
)

// The files for actions of continuous integration that follow benchmarks over commits: github-action-benchmark reads
// them as customSmallerIsBetter and customBiggerIsBetter, others by the same form.
const (
	SmallerIsBetterFile = "ci-smaller-is-better.json"
	BiggerIsBetterFile  = "ci-bigger-is-better.json"
)

// ciEntry is an entry of such a file. Values that a sample is too small for are left out: there is no null.
type ciEntry struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
	Extra string  `json:"extra,omitempty"`
}

// ciEntries are the entries of both files.
type ciEntries struct{ smaller, bigger []ciEntry }

func (c *ciEntries) less(name, unit string, value *float64, n int64) {
	if value != nil {
		c.smaller = append(c.smaller, ciEntry{Name: name, Unit: unit, Value: *value, Extra: fmt.Sprintf("n=%d", n)})
	}
}

func (c *ciEntries) more(name, unit string, value float64) {
	c.bigger = append(c.bigger, ciEntry{Name: name, Unit: unit, Value: value})
}

// ciEntriesOf lists what may be followed. Rates are of closed loops and searches only: that of an open loop is given.
func ciEntriesOf(s Summary) ciEntries {
	c := ciEntries{smaller: []ciEntry{}, bigger: []ciEntry{}}
	for i := range s.Arms {
		arm := &s.Arms[i]
		if steady := arm.Steady; steady != nil {
			c.less(arm.Name+" / response p50", "us", steady.ResponseUs.P50, int64(steady.ResponseUs.N))
			c.less(arm.Name+" / response p99", "us", steady.ResponseUs.P99, int64(steady.ResponseUs.N))
		}
		for _, p := range arm.Closed {
			at := fmt.Sprintf("%s / %d proposers, %d B", arm.Name, p.Proposers, p.PayloadBytes)
			c.more(at+" / rate", "op/s", p.PerS)
			if p.N == 0 {
				continue // nothing was committed
			}
			c.less(at+" / service p50", "us", &p.P50Us, p.N)
			c.less(at+" / service p99", "us", p.P99Us, p.N)
		}
		if arm.Saturation != nil {
			c.more(arm.Name+" / highest rate", "op/s", arm.Saturation.MaxPerS)
		}
		for _, f := range arm.Faults {
			at := arm.Name + " / " + f.Kind
			c.less(at+" / outage p50", "ms", f.OutageMs.P50, int64(f.OutageMs.N))
			c.less(at+" / outage p95", "ms", f.OutageMs.P95, int64(f.OutageMs.N))
			c.less(at+" / leaderless p50", "ms", f.LeaderlessMs.P50, int64(f.LeaderlessMs.N))
		}
	}
	return c
}

// writeCI writes both files. A result that is not ok has none of its figures in them: an action would draw them.
func (w *Writer) writeCI(s Summary) error {
	if s.Verdict != VerdictOK {
		s.Arms = nil
	}
	c := ciEntriesOf(s)
	for _, f := range []struct {
		name    string
		entries []ciEntry
	}{{SmallerIsBetterFile, c.smaller}, {BiggerIsBetterFile, c.bigger}} {
		err := w.write(f.name, func(out io.Writer) error {
			encoder := json.NewEncoder(out)
			encoder.SetIndent("", "  ")
			return encoder.Encode(f.entries)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
