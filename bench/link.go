package bench

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	linkfaults "github.com/raftmark/raftmark/transport/faults"
)

// Link are the conditions of each directed link between nodes, for a whole arm: what a node sends meets them, so that a
// round trip takes twice the delay. Clients are not touched. See package transport/faults for what each transport makes
// of them.
type Link struct {
	// Delay is how much later all arrives, at most a quarter of election.min. Default 0.
	Delay Duration `yaml:"delay,omitempty"`
	// Jitter is how much more or less than Delay it may be; at most Delay. Default 0.
	Jitter Duration `yaml:"jitter,omitempty"`
	// Loss is the probability of a packet to be lost, 0 to 0.5. Default 0. Over tcp and tls a loss is a model: a stall.
	Loss float64 `yaml:"loss,omitempty"`
	// Bandwidth is in bytes a second, 1 MB/s or more. Default 0: as it is.
	Bandwidth Bandwidth `yaml:"bandwidth,omitempty"`
}

const (
	linkLossMax      = 0.5
	linkBandwidthMin = 1_000_000
)

// IsZero says that links are as they are.
func (l Link) IsZero() bool { return l == Link{} }

// rules returns what each node does to what it sends.
func (l Link) rules() []linkfaults.Rule {
	var rules []linkfaults.Rule
	add := func(r linkfaults.Rule) {
		r.Name, r.Direction = "arm", linkfaults.Out
		rules = append(rules, r)
	}
	if l.Bandwidth > 0 {
		add(linkfaults.Rule{Action: linkfaults.Bandwidth, Bandwidth: int64(l.Bandwidth)})
	}
	if l.Loss > 0 {
		add(linkfaults.Rule{Action: linkfaults.Drop, Probability: l.Loss})
	}
	if l.Delay > 0 {
		add(linkfaults.Rule{
			Action: linkfaults.Delay, Delay: linkfaults.Duration(l.Delay), Jitter: linkfaults.Duration(l.Jitter),
		})
	}
	return rules
}

func (s Scenario) validateLink(f *faults) {
	l := s.Link
	// Two round trips must fit into an election timeout, or there is no leader for long.
	f.need(l.Delay >= 0 && l.Delay <= s.Election.Min/4, "link.delay", l.Delay, "0s to a quarter of election.min (%s)",
		s.Election.Min/4)
	f.need(l.Jitter >= 0 && l.Jitter <= l.Delay, "link.jitter", l.Jitter, "0s to link.delay (%s)", l.Delay)
	f.need(l.Loss >= 0 && l.Loss <= linkLossMax, "link.loss", l.Loss, "0 to %v", linkLossMax)
	f.need(l.Bandwidth == 0 || l.Bandwidth >= linkBandwidthMin && l.Bandwidth <= linkfaults.BandwidthMax, "link.bandwidth",
		l.Bandwidth, "0, or %s or more", Bandwidth(linkBandwidthMin))
	f.need(l == Link{} || s.Transport != "mem", "link", "set", "left out with transport mem")
}

// Bandwidth is a number of bytes a second that scenarios write with a unit: 100MB/s.
type Bandwidth int64

// String returns the bandwidth as scenarios write it.
func (b Bandwidth) String() string {
	for _, u := range []struct {
		name  string
		bytes Bandwidth
	}{{"GB/s", 1e9}, {"MB/s", 1e6}, {"kB/s", 1e3}} {
		if b != 0 && b%u.bytes == 0 {
			return strconv.FormatInt(int64(b/u.bytes), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B/s"
}

// MarshalText implements encoding.TextMarshaler.
func (b Bandwidth) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bandwidth) UnmarshalText(text []byte) error {
	number, unit := strings.TrimSuffix(clean(text), "/s"), 1.0
	for _, u := range []struct {
		suffix string
		bytes  float64
	}{{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}} {
		if rest, ok := strings.CutSuffix(number, u.suffix); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	parsed, err := strconv.ParseFloat(number, 64)
	if err != nil || parsed < 0 || parsed*unit > linkfaults.BandwidthMax {
		return fmt.Errorf("%q is not a bandwidth such as 100MB/s", clean(text))
	}
	*b = Bandwidth(parsed * unit)
	return nil
}

// UnmarshalYAML decodes a scalar; its errors know their line.
func (b *Bandwidth) UnmarshalYAML(node ast.Node) error { return decodeUnit(b, node) }
