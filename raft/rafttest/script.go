package rafttest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/chronicle"
)

// Script runs a cluster from text. A file is a list of directives:
//
//	cluster [nodes=3] [joining=0] [LIMIT=n ...]
//	                       begin; input lines say what is on disk: "1: term=4 vote=2 commit=1 log=1,1c(1 2 +3),4"
//	do [quiet]             do what the input lines say, and print what happens
//	status                 print all nodes, and what a leader knows of its followers
//	packets                print what is under way
//	check-invariants       print the first breach of what must always hold
//
// and these are the lines of do, where N is a node, or "all":
//
//	timeout N              let N's election timeout pass
//	tick N [count]         let time pass
//	clock N nanos          tell N what its clock shows
//	propose N WORD ...     propose commands
//	change N CHANGE ...    change the configuration: add=4 promote=4 demote=2 remove=2 priority=2:5
//	transfer N [M]         hand leadership over, to M
//	read N                 ask for an index to read at
//	step-down N            have a leader step down
//	disconnected N M       tell a node that its connections to another broke
//	deliver [FILTER]       deliver what is under way now, oldest first
//	duplicate [FILTER]     deliver copies of it
//	drop [FILTER]          lose it
//	sync N [count]         make the oldest writes durable, or all
//	crash N [count]        stop N; of its writes the oldest count become durable, or none
//	restart N              start N from its disk
//	wipe N                 empty the disk of N, which is down
//	lose N index           cut the log on the disk of N, which is down, to an index; N will know
//	cut A>B | cut N        cut one direction of a link, or all links of N
//	heal [A>B | N]         join a link, all links of N, or all
//	hold N, release N      put off N's Ready
//	fetch N [error]        read the entries that N wants from its disk, or fail to
//	compact N [index]      forget N's log up to an index, or up to what is applied
//	chunk N [error]        read the part of a snapshot that N wants to send, or fail to
//	store N [error]        store the parts of a snapshot that N got, or fail to
//	install N [1]          restore N's state machine, and discard the snapshot; or only the first of these
//	settle                 deliver, sync and pay all other debts until nothing is left to do
//
// A FILTER is any of A>B, A>, >B, the kind of a message, and "oldest" or "newest" for one message only.
// Committed entries are applied at once. What a status line says of a log is explained at describeNode.
type Script struct {
	// Chronicle, when not nil, keeps what happens, for a diagram: a row for each line of do, and for each message that
	// arrives.
	Chronicle *chronicle.Recorder

	cluster *Cluster
	trace   []string
}

// Run runs one directive and returns what it prints.
func (s *Script) Run(directive string, args []string, input string) (string, error) {
	s.trace = nil
	if directive == "cluster" {
		return "", s.begin(args, input)
	}
	if s.cluster == nil {
		return "", errors.New("the first directive must be cluster")
	}
	switch directive {
	case "do":
		for line := range strings.Lines(input) {
			if err := s.line(strings.Fields(line)); err != nil {
				return "", fmt.Errorf("%q: %w", strings.TrimSpace(line), err)
			}
			s.apply()
		}
		if len(args) == 1 && args[0] == "quiet" {
			s.trace = nil
		}
	case "status":
		for _, n := range s.cluster.nodes {
			s.trace = append(append(s.trace, describeNode(n)), describePeers(n)...)
		}
	case "packets":
		for _, p := range s.cluster.net.packets {
			s.trace = append(s.trace, fmt.Sprintf("%d → %d  %s", p.message.From, p.message.To, describe(p.message)))
		}
	case "check-invariants":
		if err := s.cluster.Err(); err != nil {
			return "", err
		}
		return "all hold\n", nil
	default:
		return "", fmt.Errorf("unknown directive %q", directive)
	}
	if len(s.trace) == 0 {
		return "", nil
	}
	return strings.Join(s.trace, "\n") + "\n", nil
}

// apply pays all debts of entries to apply.
func (s *Script) apply() {
	for _, n := range s.cluster.nodes {
		for n.Applies() > 0 {
			s.cluster.Apply(n.id)
		}
	}
}

func (s *Script) line(words []string) error {
	if len(words) == 0 {
		return nil
	}
	c := s.cluster
	s.Chronicle.Row(strings.Join(words, " "), true)
	switch command, args := words[0], words[1:]; command {
	case "deliver":
		return s.packets(args, c.Deliver, false)
	case "drop":
		return s.packets(args, c.Drop, false)
	case "duplicate":
		return s.packets(args, c.Duplicate, true)
	case "cut":
		return s.links(args, c.Cut)
	case "heal":
		if len(args) == 0 {
			c.HealAll()
			return nil
		}
		return s.links(args, c.Heal)
	case "settle":
		c.Settle()
		return nil
	default:
		return s.nodeCommand(command, args)
	}
}

// nodeCommand runs a command whose first argument is a node or "all".
func (s *Script) nodeCommand(command string, args []string) error {
	if len(args) == 0 {
		return errors.New("want a node, or all")
	}
	var ids []raft.NodeID
	for _, n := range s.cluster.nodes {
		if args[0] == "all" || args[0] == strconv.Itoa(int(n.id)) {
			ids = append(ids, n.id)
		}
	}
	if len(ids) == 0 {
		return fmt.Errorf("no node %s", args[0])
	}
	for _, id := range ids {
		if err := s.onNode(id, command, args[1:]); err != nil {
			return err
		}
	}
	return nil
}

// packets calls do for the packets that are under way now and match the filter; do removes its packet, or
// keeps it.
func (s *Script) packets(args []string, do func(int), keeps bool) error {
	f, err := newFilter(args)
	if err != nil {
		return err
	}
	var found []int
	for i, p := range s.cluster.net.packets {
		if f.matches(p.message) {
			found = append(found, i)
		}
	}
	switch {
	case len(found) == 0:
		s.cluster.tracef("nothing is under way")
	case f.oldest:
		found = found[:1]
	case f.newest:
		found = found[len(found)-1:]
	}
	for gone, i := range found {
		if !keeps {
			i -= gone
		}
		do(i)
	}
	return nil
}
