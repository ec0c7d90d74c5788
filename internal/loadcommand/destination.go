package loadcommand

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/loadgen"
)

// Reach is the way to the servers, as the flags say it.
type Reach struct {
	Addrs []string    // as given, host:port each
	Conns int         // connections to each server
	Clock clock.Clock // of the run: latencies are on it
}

// Target is what load is offered to.
type Target interface {
	loadgen.Target
	// WaitReady returns when operations are served, or with the context's error and why they are not.
	WaitReady(ctx context.Context) error
	// Leader returns the address of the server that takes the load now, or "". It does not block.
	Leader() string
	// Settings returns the effective settings, for the report. With a String method they have a line in its text, too.
	Settings() any
}

// Destination is one kind of Target, and what a program's load command says about it.
type Destination struct {
	// Short, Long and Example are of cobra.Command.
	Short, Long, Example string
	// AddressFlag names the flag of the addresses, without dashes, and AddressUsage explains it.
	AddressFlag, AddressUsage string
	// Bind adds flags of its own. Nil: there are none.
	Bind func(cmd *cobra.Command)
	// Check returns all faults of the way, and of what the load asks for and the target cannot do. Addresses may be
	// missing: that is found elsewhere.
	Check func(reach Reach, load loadgen.Options) error
	// Open returns a target that was not yet connected. It is called after Check found nothing.
	Open func(reach Reach) (Target, error)
}
