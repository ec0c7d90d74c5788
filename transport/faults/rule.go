package faults

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/raftmark/raftmark/raft"
)

// Direction says which way a rule is for, as seen from this node.
type Direction string

// Directions.
const (
	Out  Direction = "out"
	In   Direction = "in"
	Both Direction = "both"
)

// Directions returns all directions.
func Directions() []Direction { return []Direction{Out, In, Both} }

// Action is what a rule does, see the package comment.
type Action string

// Actions.
const (
	Cut       Action = "cut"
	Delay     Action = "delay"
	Drop      Action = "drop"
	Bandwidth Action = "bandwidth"
)

// Actions returns all actions.
func Actions() []Action { return []Action{Cut, Delay, Drop, Bandwidth} }

// Lanes are the names of transport's lanes, which knows this package.
func Lanes() []string { return []string{"control", "append", "snapshot"} }

// Level says what rules act upon.
type Level string

// Levels.
const (
	ConnectionLevel Level = "connection"
	DatagramLevel   Level = "datagram"
)

// Bounds of rules.
const (
	RulesMax     = 64
	NameBytesMax = 64
	DelayMax     = time.Minute
	BandwidthMin = 1 << 10
	BandwidthMax = 1 << 40
	FlapLeast    = time.Millisecond
	// RetransmitDefault is Linux's least retransmission time.
	RetransmitDefault = 200 * time.Millisecond
)

// Duration is a time.Duration that is text in JSON and YAML: "20ms".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q, want a duration as in 20ms", text)
	}
	*d = Duration(v)
	return nil
}

// Rule says what happens to which packets.
type Rule struct {
	// Name is for Clear to remove the rule by; rules may share one. Empty: none.
	Name string `json:"name,omitempty" yaml:"name,omitempty"`
	// Peer is the node at the other end. Default 0: each.
	Peer raft.NodeID `json:"peer,omitempty" yaml:"peer,omitempty"`
	// Direction is out, in or both. Required.
	Direction Direction `json:"direction" yaml:"direction"`
	// Lane is control, append or snapshot; at connection level only. Empty: all lanes.
	Lane string `json:"lane,omitempty" yaml:"lane,omitempty"`
	// Action is what happens. Required.
	Action Action `json:"action" yaml:"action"`
	// Delay is how much later all arrives, with Action Delay only, and required there; at most DelayMax.
	Delay Duration `json:"delay,omitzero" yaml:"delay,omitempty"`
	// Jitter is how much more or less than Delay it may be, evenly distributed; at most Delay. Default 0.
	Jitter Duration `json:"jitter,omitzero" yaml:"jitter,omitempty"`
	// Probability is that of a packet to be lost, above 0 and at most 1, with Action Drop only, and required there; below
	// 1 at connection level.
	Probability float64 `json:"probability,omitempty" yaml:"probability,omitempty"`
	// Retransmit is how long a lost packet that nothing follows holds its connection up, with Action Drop at connection
	// level only. Default 200ms, the least of Linux.
	Retransmit Duration `json:"retransmit,omitzero" yaml:"retransmit,omitempty"`
	// Bandwidth is in bytes a second, BandwidthMin to BandwidthMax, with Action Bandwidth only, and required there.
	Bandwidth int64 `json:"bandwidth,omitempty" yaml:"bandwidth,omitempty"`
	// FlapMin and FlapMax bound the turns of a cut that flaps; with Action Cut only, both or none. Default: it lasts.
	FlapMin Duration `json:"flap_min,omitzero" yaml:"flap_min,omitempty"`
	FlapMax Duration `json:"flap_max,omitzero" yaml:"flap_max,omitempty"`
	// Seed is what chance is drawn from. Default 0: from that of New and the number of the rule.
	Seed uint64 `json:"seed,omitempty" yaml:"seed,omitempty"`
}

// WithDefaults returns a copy with every zero field set to its default at the level.
func (r Rule) WithDefaults(level Level) Rule {
	if r.Action == Drop && level == ConnectionLevel && r.Retransmit == 0 {
		r.Retransmit = Duration(RetransmitDefault)
	}
	return r
}

// Validate returns all faults of r, which has its defaults, or nil.
func (r Rule) Validate(level Level) error {
	var errs []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	fault(len(r.Name) <= NameBytesMax, "name: %d bytes, want at most %d", len(r.Name), NameBytesMax)
	fault(slices.Contains(Directions(), r.Direction), "direction: %q, want one of %s", r.Direction, list(Directions()))
	fault(slices.Contains(Actions(), r.Action), "action: %q, want one of %s", r.Action, list(Actions()))
	fault(r.Lane == "" || slices.Contains(Lanes(), r.Lane), "lane: %q, want one of %s", r.Lane, list(Lanes()))
	fault(r.Lane == "" || level == ConnectionLevel, "lane: %q, want none: a datagram does not show its lane", r.Lane)
	r.validateDelay(fault)
	r.validateDrop(level, fault)
	if r.Action == Bandwidth {
		fault(r.Bandwidth >= BandwidthMin && r.Bandwidth <= BandwidthMax, "bandwidth: %d, want %d to %d bytes a second",
			r.Bandwidth, BandwidthMin, int64(BandwidthMax))
	} else {
		fault(r.Bandwidth == 0, "bandwidth: %d, want none with action %s", r.Bandwidth, r.Action)
	}
	least, most := time.Duration(r.FlapMin), time.Duration(r.FlapMax)
	if r.Action == Cut && (least != 0 || most != 0) {
		fault(least >= FlapLeast && least <= most && most <= DelayMax, "flap_min: %v, flap_max: %v, want %v to %v",
			least, most, FlapLeast, DelayMax)
	} else {
		fault(least == 0 && most == 0, "flap_min: %v, flap_max: %v, want none with action %s", least, most, r.Action)
	}
	return errors.Join(errs...)
}

func (r Rule) validateDelay(fault func(ok bool, format string, args ...any)) {
	delay, jitter := time.Duration(r.Delay), time.Duration(r.Jitter)
	if r.Action == Delay {
		fault(delay > 0 && delay <= DelayMax, "delay: %v, want more than 0 and at most %v", delay, DelayMax)
		fault(jitter >= 0 && jitter <= delay, "jitter: %v, want 0 to delay (%v)", jitter, delay)
		return
	}
	fault(delay == 0, "delay: %v, want none with action %s", delay, r.Action)
	fault(jitter == 0, "jitter: %v, want none with action %s", jitter, r.Action)
}

func (r Rule) validateDrop(level Level, fault func(ok bool, format string, args ...any)) {
	wait := time.Duration(r.Retransmit)
	if r.Action != Drop {
		fault(r.Probability == 0, "probability: %v, want none with action %s", r.Probability, r.Action)
		fault(wait == 0, "retransmit: %v, want none with action %s", wait, r.Action)
		return
	}
	fault(r.Probability > 0 && r.Probability <= 1, "probability: %v, want more than 0 and at most 1", r.Probability)
	if level == DatagramLevel {
		fault(wait == 0, "retransmit: %v, want none: a lost datagram is lost", wait)
		return
	}
	fault(r.Probability < 1, "probability: %v, want less than 1 at connection level; there is action %s", r.Probability,
		Cut)
	fault(wait > 0 && wait <= DelayMax, "retransmit: %v, want more than 0 and at most %v", wait, DelayMax)
}

func list[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

// RuleState is a rule and what became of it.
type RuleState struct {
	Rule
	// Level is what it acts upon.
	Level Level `json:"level"`
	// Hits counts what it acted upon: reads, writes and dials of connections, or datagrams. Those that a drop spared are
	// none.
	Hits int64 `json:"hits"`
	// Healed says that a cut that flaps is in its turn of letting all pass.
	Healed bool `json:"healed,omitempty"`
}
