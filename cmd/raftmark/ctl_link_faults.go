package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/loadgen/units"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/server/control"
	"github.com/raftmark/raftmark/transport/faults"
)

func newLinkFaultsCommand(f *ctlFlags) *cobra.Command {
	links := &cobra.Command{
		Use:   "links",
		Short: "Add and clear faults of the links to other nodes",
		Long: `Add and clear rules by which the links of nodes to each other fail on purpose. With tcp and tls they act upon
connections: what is cut is held, and a lost packet delays what follows; with quic upon datagrams, which are lost.
Clients and this command are not touched.

  raftmark ctl faults links add --cut --admin 127.0.0.1:7201
  raftmark ctl faults links add --direction out --node 2 --delay 5ms --jitter 1ms --drop 0.01
  raftmark ctl faults links add --cut --flap 50ms-500ms --name flapping
  raftmark ctl faults links clear --name flapping`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.faults(cmd, (*control.Client).Faults) },
	}
	name := ""
	clearing := &cobra.Command{
		Use: "clear", Short: "Remove rules of links, and let go on what they hold", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.faults(cmd, func(c *control.Client, ctx context.Context, admin string) (server.FaultsAnswer, error) {
				return c.ClearLinkFaults(ctx, admin, name)
			})
		},
	}
	clearing.Flags().StringVar(&name, "name", "", "those of that name only")
	for _, cmd := range []*cobra.Command{links, clearing} {
		f.bind(cmd, askTimeout)
	}
	links.AddCommand(newLinkFaultsAddCommand(f), clearing)
	return links
}

// linkFlags are the flags of rules that are added together.
type linkFlags struct {
	rule       faults.Rule
	peer       uint64
	direction  string
	cut        bool
	flap       string
	delay      time.Duration
	jitter     time.Duration
	drop       float64
	retransmit time.Duration
	bandwidth  string
}

func newLinkFaultsAddCommand(f *ctlFlags) *cobra.Command {
	var r linkFlags
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Add rules: which links are cut, late, lossy or narrow",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rules, err := r.parse()
			if err != nil {
				return exit.Usage(err)
			}
			return f.faults(cmd, func(c *control.Client, ctx context.Context, admin string) (server.FaultsAnswer, error) {
				return c.AddLinkFaults(ctx, admin, rules...)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&r.rule.Name, "name", "", "a name to clear the rules by")
	flags.Uint64Var(&r.peer, "node", 0, "the node at the other end (default: each)")
	flags.StringVar(&r.direction, "direction", string(faults.Both), "out, in or both, as seen from the node")
	flags.StringVar(&r.rule.Lane, "lane", "", "control, append or snapshot; not with quic (default: all)")
	flags.BoolVar(&r.cut, "cut", false, "let nothing pass")
	flags.StringVar(&r.flap, "flap", "", "with --cut: cut and heal in turns of such lengths, as in 50ms-500ms")
	flags.DurationVar(&r.delay, "delay", 0, "let all arrive later by so much")
	flags.DurationVar(&r.jitter, "jitter", 0, "with --delay: give or take up to so much")
	flags.Float64Var(&r.drop, "drop", 0, "lose each packet with this probability, 0 to 1")
	flags.DurationVar(&r.retransmit, "retransmit", 0,
		"with --drop, but with quic: how long a lost packet holds its connection up that nothing follows (default 200ms)")
	flags.StringVar(&r.bandwidth, "bandwidth", "", "let so many bytes a second pass, as in 100MB/s")
	flags.Uint64Var(&r.rule.Seed, "seed", 0, "what chance is drawn from (default: by the node)")
	f.bind(cmd, askTimeout)
	return cmd
}

// parse returns the rules that the flags make, one for each action.
func (r linkFlags) parse() ([]faults.Rule, error) {
	base := r.rule
	base.Peer, base.Direction = raft.NodeID(r.peer), faults.Direction(r.direction)
	var rules []faults.Rule
	add := func(action faults.Action, set func(rule *faults.Rule)) {
		rule := base
		rule.Action = action
		set(&rule)
		rules = append(rules, rule)
	}
	var errs []error
	if r.cut || r.flap != "" {
		least, most, err := parseTurns(r.flap)
		errs = append(errs, err)
		add(faults.Cut, func(rule *faults.Rule) { rule.FlapMin, rule.FlapMax = least, most })
	}
	if r.delay != 0 || r.jitter != 0 {
		add(faults.Delay, func(rule *faults.Rule) {
			rule.Delay, rule.Jitter = faults.Duration(r.delay), faults.Duration(r.jitter)
		})
	}
	if r.drop != 0 || r.retransmit != 0 {
		add(faults.Drop, func(rule *faults.Rule) {
			rule.Probability, rule.Retransmit = r.drop, faults.Duration(r.retransmit)
		})
	}
	if r.bandwidth != "" {
		bytes, err := units.ParseSize(strings.TrimSuffix(r.bandwidth, "/s"))
		errs = append(errs, err)
		add(faults.Bandwidth, func(rule *faults.Rule) { rule.Bandwidth = int64(bytes) })
	}
	if len(rules) == 0 {
		errs = append(errs, errors.New("no action, want --cut, --delay, --drop or --bandwidth"))
	}
	errs = append(errs, r.validate(rules))
	return rules, errors.Join(errs...)
}

// validate returns the faults that rules have with every transport; the node knows its own.
func (r linkFlags) validate(rules []faults.Rule) error {
	level := faults.ConnectionLevel
	if r.drop == 1 && r.retransmit == 0 {
		level = faults.DatagramLevel
	}
	for _, rule := range rules {
		if err := rule.WithDefaults(level).Validate(level); err != nil {
			return fmt.Errorf("--%s", strings.ReplaceAll(err.Error(), "\n", "; --"))
		}
	}
	return nil
}

// parseTurns reads 50ms-500ms, or nothing.
func parseTurns(text string) (least, most faults.Duration, err error) {
	if text == "" {
		return 0, 0, nil
	}
	from, to, ok := strings.Cut(text, "-")
	if ok {
		err = errors.Join(least.UnmarshalText([]byte(from)), most.UnmarshalText([]byte(to)))
	}
	if !ok || err != nil {
		return 0, 0, fmt.Errorf("--flap: %q, want two durations as in 50ms-500ms", text)
	}
	return least, most, nil
}

// printLinkFaults prints the rules of nodes' links, and nothing when there are none.
func printLinkFaults(w io.Writer, answers []server.FaultsAnswer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	titled := false
	for _, a := range answers {
		for i, r := range a.Links {
			if !titled {
				fmt.Fprintln(table, "\nNODE\tLINK RULE\tNAME\tPEER\tDIRECTION\tLANE\tACTION\tLEVEL\tHITS")
				titled = true
			}
			name, peer := r.Name, "all"
			if name == "" {
				name = "-"
			}
			if r.Peer != raft.None {
				peer = fmt.Sprint(r.Peer)
			}
			fmt.Fprintf(table, "%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", a.Node, i+1, name, peer, r.Direction, orAll(r.Lane),
				linkActionText(r), r.Level, r.Hits)
		}
	}
	return table.Flush()
}

// linkActionText says what a rule does: delay 5ms ± 1ms, cut.
func linkActionText(r faults.RuleState) string {
	switch r.Action {
	case faults.Cut:
		switch {
		case r.Healed:
			return fmt.Sprintf("cut, flapping %v-%v, healed now", time.Duration(r.FlapMin), time.Duration(r.FlapMax))
		case r.FlapMax > 0:
			return fmt.Sprintf("cut, flapping %v-%v", time.Duration(r.FlapMin), time.Duration(r.FlapMax))
		}
	case faults.Delay:
		return fmt.Sprintf("delay %v ± %v", time.Duration(r.Delay), time.Duration(r.Jitter))
	case faults.Drop:
		if r.Level == faults.ConnectionLevel {
			return fmt.Sprintf("drop %v, stalls %v", r.Probability, time.Duration(r.Retransmit))
		}
		return fmt.Sprintf("drop %v", r.Probability)
	case faults.Bandwidth:
		return fmt.Sprintf("bandwidth %d B/s", r.Bandwidth)
	}
	return string(r.Action)
}
