package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/exit"
)

// TestCtlTimeoutsAreAsHelpSays runs each command down to the point at which it would begin.
func TestCtlTimeoutsAreAsHelpSays(t *testing.T) {
	for command, want := range map[string]time.Duration{
		"transfer": 10 * time.Second, "snapshot": time.Minute, "members": 5 * time.Second, "members list": 5 * time.Second,
		"members add": 5 * time.Minute, "members replace": 5 * time.Minute, "members remove": time.Minute,
	} {
		for given, want := range map[string]time.Duration{"": want, "7s": 7 * time.Second} {
			args := append([]string{"ctl"}, strings.Fields(command)...)
			root := newRootCommand()
			cmd, _, err := root.Find(args)
			if err != nil {
				t.Fatal(err)
			}
			got := time.Duration(0)
			cmd.Args = nil
			cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
				got, err = cmd.Flags().GetDuration("timeout")
				return err
			}
			if given != "" {
				args = append(args, "--timeout", given)
			}
			root.SetArgs(args)
			if err := root.ExecuteContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("%v: got %v, want %v", args, got, want)
			}
		}
	}
}

// TestCtlSaysThatAPortIsNoAdminPort asks a port that speaks RESP.
func TestCtlSaysThatAPortIsNoAdminPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-served })
	go func() {
		defer close(served)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(conn).ReadString('\n')
			_, _ = io.WriteString(conn, "-ERR unknown command 'GET'\r\n")
			_ = conn.Close()
		}
	}()
	for _, command := range []string{"status", "members", "members remove 1", "transfer", "snapshot"} {
		args := strings.Fields(fmt.Sprintf("ctl %s --admin %s", command, l.Addr()))
		code, _, stderr := raftmarkRun(t.Context(), args...)
		if code != int(exit.RunError) || !strings.Contains(stderr, "is not an admin port") ||
			strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: got exit code %d and %q, want %d and what is wrong with the port", args, code, stderr, exit.RunError)
		}
	}
}
