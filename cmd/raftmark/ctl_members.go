package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/server/control"
)

// ctlFlags are those of all commands that talk to a cluster.
type ctlFlags struct {
	admins  []string
	timeout time.Duration
}

func (f *ctlFlags) bind(cmd *cobra.Command, timeout time.Duration) {
	cmd.Flags().DurationVar(&f.timeout, "timeout", timeout, "how long to try")
}

// client returns a client for the nodes that --admin names or, without it, for those of the local cluster
// that runs here.
func (f *ctlFlags) client(cmd *cobra.Command) (*control.Client, context.Context, context.CancelFunc, error) {
	admins, err := f.addresses(cmd)
	if err != nil {
		return nil, nil, nil, err
	}
	if f.timeout <= 0 {
		return nil, nil, nil, exit.Usage(fmt.Errorf("--timeout: %v, want more than 0", f.timeout))
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), f.timeout)
	return control.New(admins...), ctx, cancel, nil
}

// addresses returns the admin ports to talk to.
func (f *ctlFlags) addresses(cmd *cobra.Command) ([]string, error) {
	if !cmd.Flags().Changed("admin") {
		if s, running, err := runningCluster(clusterDirDefault); err == nil && running && len(s.Nodes) > 0 {
			return s.admins(), nil
		}
	}
	for _, address := range f.admins {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return nil, exit.Usage(fmt.Errorf("--admin: %q, want host:port", address))
		}
	}
	return f.admins, nil
}

// do runs one request with a client, and turns the end of the time into an error that says so.
func (f *ctlFlags) do(cmd *cobra.Command, request func(context.Context, *control.Client) error) error {
	c, ctx, cancel, err := f.client(cmd)
	if err != nil {
		return err
	}
	defer cancel()
	err = request(ctx, c)
	switch {
	case err == nil:
		return nil
	case cmd.Context().Err() != nil:
		return exit.Error{Code: exit.Interrupted, Err: fmt.Errorf("interrupted: %w", err)}
	case ctx.Err() != nil:
		return fmt.Errorf("not within --timeout %v: %w", f.timeout, err)
	default:
		return err
	}
}

func newMembersCommand(f *ctlFlags) *cobra.Command {
	members := &cobra.Command{
		Use:   "members",
		Short: "Show or change who belongs to the cluster",
		Long: `Show or change who belongs to the cluster. Any node may be asked: the leader is found.

A node is added under an id that was never used before. It has no vote until it has caught up with the log, and then
gets one, unless it is to stay a learner. Several changes in one command are one change of the cluster: through a joint
configuration, when more than one vote comes or goes. One change at a time.`,
		Args: noArguments,
	}
	list := &cobra.Command{Use: "list", Short: "Show the members", Args: noArguments}
	for _, c := range []*cobra.Command{members, list} {
		asJSON := c.Flags().Bool("json", false, "print everything, as JSON")
		c.RunE = func(cmd *cobra.Command, _ []string) error {
			return f.do(cmd, func(ctx context.Context, c *control.Client) error {
				now, err := c.Members(ctx)
				return printMembers(cmd.OutOrStdout(), &now, err, *asJSON)
			})
		}
	}
	f.bind(members, 5*time.Second)
	f.bind(list, 5*time.Second)
	members.AddCommand(list, newMembersAddCommand(f), newMembersReplaceCommand(f), newMembersPriorityCommand(f))
	for _, op := range []struct{ name, short string }{
		{"promote", "Give learners a vote, when they have caught up"},
		{"demote", "Take votes away; the nodes stay, as learners"},
		{"remove", "Remove nodes for ever: their ids are never used again"},
	} {
		members.AddCommand(newMembersOpCommand(f, op.name, op.short))
	}
	return members
}

// printMembers prints the leader's view or, when nobody leads, that of the node that knows most, with the
// error.
func printMembers(w io.Writer, now *server.MembersAnswer, err error, asJSON bool) error {
	switch {
	case now.Node == raft.None:
		return err
	case asJSON:
		return errors.Join(writeJSON(w, now), err)
	default:
		return errors.Join(printMembership(w, now), err)
	}
}

// printChanged prints the members after a change, which may have cost the leader its place.
func printChanged(ctx context.Context, w io.Writer, c *control.Client) error {
	now, err := c.AwaitMembers(ctx)
	return printMembers(w, &now, err, false)
}

func printMembership(w io.Writer, now *server.MembersAnswer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NODE\tROLE\tLEADS\tMATCH\tLAG\tHEARD\tPRIORITY\tPEER\tCLIENT\tADMIN")
	leads := now.Leader == now.Node
	for _, m := range now.Members {
		match, lag, heard := "-", "-", "-"
		if leads {
			match, lag, heard = fmt.Sprint(m.Match), fmt.Sprint(m.Lag), yesNo(m.Active)
		}
		if m.Lost {
			heard = "lost its disk"
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", m.ID, m.Role,
			yesNo(m.ID == now.Leader), match, lag, heard, m.Priority,
			textOrDash(m.Peer.Peer), textOrDash(m.Client), textOrDash(m.Admin))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	how := "committed"
	if !now.Committed {
		how = "not committed yet"
	}
	if now.Joint {
		how += ", joint"
	}
	fmt.Fprintf(w, "members %s, from entry %d, %s; term %d; ids up to %d were used\n",
		now.Configuration, now.Index, how, now.Term, now.LastID)
	return nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func textOrDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func newMembersOpCommand(f *ctlFlags, op, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   op + " ID...",
		Short: short,
		Args:  atLeastOneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil {
				return err
			}
			var changes []server.MemberChange
			for _, id := range ids {
				changes = append(changes, server.MemberChange{Op: op, ID: id})
			}
			return f.change(cmd, changes)
		},
	}
	f.bind(cmd, time.Minute)
	return cmd
}

// change makes the changes and prints what came of them.
func (f *ctlFlags) change(cmd *cobra.Command, changes []server.MemberChange) error {
	return f.do(cmd, func(ctx context.Context, c *control.Client) error {
		if err := c.Promote(ctx, progressOf(cmd), changes...); err != nil {
			return err
		}
		return printChanged(ctx, cmd.OutOrStdout(), c)
	})
}

// progressOf tells how far learners are, at most once a second.
func progressOf(cmd *cobra.Command) func(server.MembersAnswer) {
	last := time.Now()
	return func(now server.MembersAnswer) {
		if time.Since(last) < time.Second {
			return
		}
		last = time.Now()
		for _, m := range now.Members {
			if m.Role == server.RoleLearner {
				fmt.Fprintf(cmd.ErrOrStderr(), "node %d: %d entries behind, %d bytes of a snapshot\n", m.ID, m.Lag, m.SnapshotBytes)
			}
		}
	}
}

func newMembersAddCommand(f *ctlFlags) *cobra.Command {
	var peer server.Peer
	var learner bool
	cmd := &cobra.Command{
		Use:   "add ID",
		Short: "Add a node, and give it a vote when it has caught up",
		Long: `Add a node that was started with raftmark node --join. It receives the log, or a snapshot, as a learner.
When it has caught up it is promoted to a voter; an interrupted wait is gone on with by the same command.`,
		Args: exactlyOneID,
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil {
				return err
			}
			if peer.Peer == "" {
				return exit.Usage(errors.New("--peer: none given, want host:port where the other nodes reach it"))
			}
			add := server.MemberChange{Op: "add", ID: ids[0], Peer: peer}
			return f.do(cmd, func(ctx context.Context, c *control.Client) error {
				var err error
				if learner {
					err = c.AddLearner(ctx, add)
				} else {
					err = c.Add(ctx, add, progressOf(cmd))
				}
				if err != nil {
					return err
				}
				return printChanged(ctx, cmd.OutOrStdout(), c)
			})
		},
	}
	addressFlags(cmd, &peer)
	cmd.Flags().BoolVar(&learner, "learner", false, "leave it a learner, without a vote")
	f.bind(cmd, 5*time.Minute)
	return cmd
}

// addressFlags adds the flags that say where a node is. Its admin port is not --admin, which says whom to ask.
func addressFlags(cmd *cobra.Command, peer *server.Peer) {
	flags := cmd.Flags()
	flags.StringVar(&peer.Peer, "peer", "", "where the other nodes reach it, host:port (required)")
	flags.StringVar(&peer.Client, "client", "", "where Redis clients reach it, host:port")
	flags.StringVar(&peer.Admin, "node-admin", "", "its admin port, host:port")
	flags.Uint8Var(&peer.Priority, "priority", 0, "in elections: lower ones wait longer before they stand")
}

func newMembersReplaceCommand(f *ctlFlags) *cobra.Command {
	var peer server.Peer
	cmd := &cobra.Command{
		Use:   "replace OLD NEW [OLD NEW]...",
		Short: "Put nodes in the place of others, in one change",
		Long: `Put nodes in the place of others: each NEW gets the vote of its OLD, which is removed, all in one joint change.
Each NEW is a learner that has caught up, or catches up now; with one pair and --peer, NEW is added first.
The same command goes on with one that was interrupted.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 || len(args)%2 != 0 {
				return exit.Usage(fmt.Errorf("%d ids, want pairs of OLD NEW", len(args)))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil {
				return err
			}
			if peer.Peer != "" && len(ids) != 2 {
				return exit.Usage(fmt.Errorf("--peer with %d nodes, want one OLD and one NEW", len(ids)))
			}
			var changes []server.MemberChange
			for i := 0; i < len(ids); i += 2 {
				changes = append(changes,
					server.MemberChange{Op: "promote", ID: ids[i+1]}, server.MemberChange{Op: "remove", ID: ids[i]})
			}
			return f.do(cmd, func(ctx context.Context, c *control.Client) error {
				if peer.Peer != "" {
					if err := c.AddLearner(ctx, server.MemberChange{ID: ids[1], Peer: peer}); err != nil {
						return err
					}
				}
				if err := c.Promote(ctx, progressOf(cmd), changes...); err != nil {
					return err
				}
				return printChanged(ctx, cmd.OutOrStdout(), c)
			})
		},
	}
	addressFlags(cmd, &peer)
	f.bind(cmd, 5*time.Minute)
	return cmd
}

func newMembersPriorityCommand(f *ctlFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "priority ID PRIORITY",
		Short: "Set a node's priority in elections, 0 to 255",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return exit.Usage(fmt.Errorf("%d arguments, want ID and PRIORITY", len(args)))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args[:1])
			if err != nil {
				return err
			}
			priority, err := strconv.ParseUint(args[1], 10, 8)
			if err != nil {
				return exit.Usage(fmt.Errorf("priority: %q, want 0 to 255", args[1]))
			}
			return f.change(cmd, []server.MemberChange{
				{Op: "priority", ID: ids[0], Peer: server.Peer{Priority: uint8(priority)}},
			})
		},
	}
	f.bind(cmd, time.Minute)
	return cmd
}

// parseIDs reads node ids; a comma separates them, too.
func parseIDs(args []string) ([]raft.NodeID, error) {
	var ids []raft.NodeID
	for text := range strings.SplitSeq(strings.Join(args, ","), ",") {
		id, err := strconv.ParseUint(text, 10, 64)
		if err != nil || id == 0 {
			return nil, exit.Usage(fmt.Errorf("id: %q, want a number of at least 1", text))
		}
		ids = append(ids, raft.NodeID(id))
	}
	return ids, nil
}

func atLeastOneID(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return exit.Usage(errors.New("no id, want at least one"))
	}
	return nil
}

func exactlyOneID(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return exit.Usage(fmt.Errorf("%d ids, want one", len(args)))
	}
	return nil
}
