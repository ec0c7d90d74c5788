package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/server"
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
	var admins []string
	var asJSON bool
	status := &cobra.Command{
		Use:   "status",
		Short: "Show what nodes say about themselves",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, address := range admins {
				if _, _, err := net.SplitHostPort(address); err != nil {
					return usageError(fmt.Errorf("--admin: %q, want host:port", address))
				}
			}
			answers := askAll(cmd.Context(), admins)
			if asJSON {
				return printJSON(cmd.OutOrStdout(), answers)
			}
			return printStatus(cmd.OutOrStdout(), answers)
		},
	}
	status.Flags().StringSliceVar(&admins, "admin", []string{adminDefault}, "admin ports, host:port")
	status.Flags().BoolVar(&asJSON, "json", false, "print everything, as JSON")
	ctl.AddCommand(status)
	return ctl
}

// answer is what one admin port said.
type answer struct {
	address string
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
	fmt.Fprintln(table, "NODE\tROLE\tREADY\tTERM\tLEADER\tCOMMIT\tAPPLIED\tCLIENT\tADMIN\tPID")
	var errs []error
	for _, a := range answers {
		if a.err != nil {
			fmt.Fprintf(table, "-\tunreachable\tno\t-\t-\t-\t-\t-\t%s\t-\n", a.address)
			errs = append(errs, fmt.Errorf("%s: %w", a.address, a.err))
			continue
		}
		s := a.status
		ready := map[bool]string{true: "yes", false: "no"}[s.Ready]
		fmt.Fprintf(table, "%d\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%d\n", s.Node, s.Raft.Role, ready, s.Raft.Term,
			s.Raft.Leader, s.Raft.CommitIndex, s.Raft.LastApplied, s.Listen.Client, s.Listen.Admin, s.PID)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return onOneLine(errs)
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
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(statuses); err != nil {
		return err
	}
	return onOneLine(errs)
}
