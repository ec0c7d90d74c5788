package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/exit"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/server/control"
)

const (
	askTimeout   = 2 * time.Second
	askBytesMax  = 64 << 20
	adminDefault = "127.0.0.1:7201"
)

func newCtlCommand() *cobra.Command {
	ctl := &cobra.Command{
		Use:   "ctl",
		Short: "Talk to running nodes",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var f ctlFlags
	ctl.PersistentFlags().StringSliceVar(&f.admins, "admin", []string{adminDefault},
		"admin ports of some nodes, host:port; default: those of a local cluster in "+clusterDirDefault+", or this")
	var asJSON bool
	status := &cobra.Command{
		Use:   "status",
		Short: "Show what nodes say about themselves",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			admins, err := f.addresses(cmd)
			if err != nil {
				return err
			}
			answers := askAll(cmd.Context(), admins)
			if asJSON {
				return printJSON(cmd.OutOrStdout(), answers)
			}
			return printStatus(cmd.OutOrStdout(), answers)
		},
	}
	status.Flags().BoolVar(&asJSON, "json", false, "print everything, as JSON")
	ctl.AddCommand(status, newMembersCommand(&f), newTransferCommand(&f), newSnapshotCommand(&f), newFaultsCommand(&f))
	ctl.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return prepareCtl(cmd) }
	explainNoAdminPort(ctl)
	return ctl
}

// prepareCtl is what all ctl commands begin with. They share the variables of their flags, in which the default that
// was bound last stands: each command gets its own. And what is no address is not worth asking a node about.
func prepareCtl(cmd *cobra.Command) error {
	flags := cmd.Flags()
	if timeout := flags.Lookup("timeout"); timeout != nil && !timeout.Changed {
		if err := timeout.Value.Set(timeout.DefValue); err != nil {
			return err
		}
	}
	for _, name := range []string{"peer", "client", "node-admin"} {
		if !flags.Changed(name) {
			continue
		}
		if err := checkAddress(flags.Lookup(name).Value.String()); err != nil {
			return exit.Usage(fmt.Errorf("--%s: %w", name, err))
		}
	}
	return nil
}

// checkAddress wants host:port, as the servers do.
func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return fmt.Errorf("%q, want host:port", address)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q, want a port from 0 to 65535", address)
	}
	return nil
}

// explainNoAdminPort makes cmd and the commands below it say what it means that the answer is none of HTTP.
func explainNoAdminPort(cmd *cobra.Command) {
	for _, below := range cmd.Commands() {
		explainNoAdminPort(below)
	}
	run := cmd.RunE
	if run == nil {
		return
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		if err != nil && strings.Contains(err.Error(), "malformed HTTP") {
			return fmt.Errorf("%w: a port of --admin is not an admin port; raftmark cluster status shows them", err)
		}
		return err
	}
}

func newTransferCommand(f *ctlFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "transfer [ID]",
		Short: "Hand leadership to a node, or to whoever is best prepared",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return exactlyOneID(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			to := raft.None
			if len(args) == 1 {
				ids, err := parseIDs(args)
				if err != nil {
					return err
				}
				to = ids[0]
			}
			return f.do(cmd, func(ctx context.Context, c *control.Client) error {
				leader, err := c.Transfer(ctx, to)
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "node %d leads\n", leader)
				}
				return err
			})
		},
	}
	f.bind(cmd, 10*time.Second)
	return cmd
}

func newSnapshotCommand(f *ctlFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "snapshot",
		Short: "Compact the logs of the nodes now",
		Long: `Compact the logs of the nodes that --admin names, each its own: the state machine makes its state durable,
and the log begins anew after it, but for some entries that stay for followers that are a little behind.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			admins, err := f.addresses(cmd)
			if err != nil {
				return err
			}
			return f.do(cmd, func(ctx context.Context, c *control.Client) error {
				var errs []error
				for _, address := range admins {
					s, err := c.Compact(ctx, address)
					if err != nil {
						errs = append(errs, fmt.Errorf("%s: %w", address, err))
						continue
					}
					fmt.Fprintf(cmd.OutOrStdout(), "node %d: the log begins after entry %d, and ends at %d\n",
						s.Node, s.FirstIndex, s.LastIndex)
				}
				return onOneLine(errs)
			})
		},
	}
	f.bind(cmd, time.Minute)
	return cmd
}

// answer is what one admin port said.
type answer struct {
	address string
	known   clusterNode // what is known of the node beside that, when it is of a local cluster
	status  server.Status
	err     error
}

// askAll asks all admin ports at once.
func askAll(ctx context.Context, addresses []string) []answer {
	answers := make([]answer, len(addresses))
	var wg sync.WaitGroup
	for i, address := range addresses {
		wg.Go(func() {
			answers[i].address = address
			answers[i].status, answers[i].err = ask(ctx, address)
		})
	}
	wg.Wait()
	return answers
}

func ask(ctx context.Context, address string) (status server.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/status", nil)
	if err != nil {
		return status, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return status, errors.Unwrap(err) // without the URL, which the caller names
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return status, errors.New(response.Status)
	}
	return status, json.NewDecoder(io.LimitReader(response.Body, askBytesMax)).Decode(&status)
}

// printStatus prints a table, and returns an error that names the nodes that did not answer.
func printStatus(w io.Writer, answers []answer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NODE\tROLE\tREADY\tTERM\tLEADER\tCOMMIT\tAPPLIED\tDISK\tCLIENT\tADMIN\tPID")
	var errs []error
	var notes []string
	for _, a := range answers {
		if a.err != nil {
			node := "-"
			if a.known.ID != raft.None {
				node = fmt.Sprint(a.known.ID)
			}
			fmt.Fprintf(table, "%s\tunreachable\tno\t-\t-\t-\t-\t-\t%s\t%s\t-\n", node, textOrDash(a.known.Client), a.address)
			errs = append(errs, fmt.Errorf("%s: %w", a.address, a.err))
			continue
		}
		s := a.status
		fmt.Fprintf(table, "%d\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%d\n", s.Node, s.Raft.Role, yesNo(s.Ready), s.Raft.Term,
			s.Raft.Leader, s.Raft.CommitIndex, s.Raft.LastApplied, diskText(&s.Disk), s.Listen.Client, s.Listen.Admin, s.PID)
		notes = append(notes, notesOf(&s)...)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, note := range notes {
		fmt.Fprintln(w, note)
	}
	return onOneLine(errs)
}

// notesOf says what is unusual about a node.
func notesOf(s *server.Status) []string {
	var notes []string
	if !s.Ready {
		notes = append(notes, fmt.Sprintf("node %d is not ready: %s", s.Node, s.NotReady))
	}
	if s.Disk.NoRoom != "" {
		notes = append(notes, fmt.Sprintf("node %d takes no writes: %s", s.Node, s.Disk.NoRoom))
	}
	for _, r := range s.Refused {
		notes = append(notes, fmt.Sprintf("node %d refuses node %d: %s", s.Node, r.Node, r.Err))
	}
	if m := s.Raft.Members; s.IsLeader() && (m.Joint || !m.Committed) {
		notes = append(notes, fmt.Sprintf("the membership is changing: %s", m.Configuration))
	}
	if s.Reads == server.ReadsLease {
		notes = append(notes,
			fmt.Sprintf("node %d serves reads under a lease of %v: it trusts the clocks", s.Node, s.Config.Lease))
	}
	return notes
}

// diskText says how much room a node's disk has, and whether that is too little.
func diskText(d *server.DiskStatus) string {
	if d.Err != "" {
		return "unknown"
	}
	state := "free"
	if d.Low {
		state = "low"
	} else if d.NoRoom != "" {
		state = "free, log full"
	}
	if d.FreeBytes < 10<<30 {
		return fmt.Sprintf("%d MiB %s", d.FreeBytes>>20, state)
	}
	return fmt.Sprintf("%d GiB %s", d.FreeBytes>>30, state)
}

// onOneLine joins errors into one line.
func onOneLine(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return errors.New(strings.Join(texts, "; "))
}

func printJSON(w io.Writer, answers []answer) error {
	statuses, errs := []server.Status{}, []error(nil)
	for _, a := range answers {
		if a.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.address, a.err))
			continue
		}
		statuses = append(statuses, a.status)
	}
	if err := writeJSON(w, statuses); err != nil {
		return err
	}
	return onOneLine(errs)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
