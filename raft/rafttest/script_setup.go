package rafttest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/raftmark/raftmark/raft"
)

// begin starts a cluster, as the directive "cluster" says.
func (s *Script) begin(args []string, input string) error {
	o := Options{
		Disks:     map[raft.NodeID]Disk{},
		Trace:     func(line string) { s.trace = append(s.trace, line) },
		Chronicle: s.Chronicle,
	}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		if err := setOption(&o, key, value); err != nil {
			return err
		}
	}
	for line := range strings.Lines(input) {
		id, d, err := parseDisk(line)
		if err != nil {
			return fmt.Errorf("%q: %w", strings.TrimSpace(line), err)
		}
		o.Disks[id] = d
	}
	var err error
	s.cluster, err = New(o)
	return err
}

func setOption(o *Options, key, value string) error {
	cfg := &o.Config
	flags := map[string]*bool{"no-pre-vote": &cfg.NoPreVote, "no-check-quorum": &cfg.NoCheckQuorum,
		"adaptive-window": &cfg.AdaptiveWindow, "disconnect-hints": &cfg.DisconnectHints}
	if flag, ok := flags[key]; ok {
		*flag = true
		return nil
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return fmt.Errorf("%s=%s: %w", key, value, err)
	}
	numbers := map[string]*int{
		"nodes": &o.Nodes, "joining": &o.Joining,
		"election-ticks-min": &cfg.ElectionTicksMin, "election-ticks-max": &cfg.ElectionTicksMax,
		"heartbeat-ticks": &cfg.HeartbeatTicks, "message-entries-max": &cfg.MessageEntriesMax,
		"inflight-messages-max": &cfg.InflightMessagesMax, "inflight-bytes-max": &cfg.InflightBytesMax,
		"uncommitted-entries-max": &cfg.UncommittedEntriesMax, "tail-entries-max": &cfg.TailEntriesMax,
		"chunk-bytes": &cfg.SnapshotChunkBytes, "chunk-inflight-bytes": &cfg.SnapshotInflightBytes,
		"promote-lag-max": &cfg.PromoteLagMax, "reads-max": &cfg.ReadsMax,
	}
	if key == "lease-nanos" {
		cfg.LeaseNanos = int64(n)
		return nil
	}
	number, ok := numbers[key]
	if !ok {
		return fmt.Errorf("unknown option %q", key)
	}
	*number = n
	return nil
}

// filter chooses among the packets under way.
type filter struct {
	from, to       raft.NodeID
	kind           string
	oldest, newest bool
}

func newFilter(words []string) (filter, error) {
	var f filter
	for _, word := range words {
		from, to, isLink := strings.Cut(word, ">")
		switch {
		case word == "oldest":
			f.oldest = true
		case word == "newest":
			f.newest = true
		case isLink:
			var err error
			if f.from, err = parseNode(from); err != nil {
				return f, err
			}
			if f.to, err = parseNode(to); err != nil {
				return f, err
			}
		case isKind(word):
			f.kind = word
		default:
			return f, fmt.Errorf("%q is neither a link nor a kind of message", word)
		}
	}
	return f, nil
}

func isKind(word string) bool {
	for kind := raft.MsgPreVote; kind <= raft.MsgRecover; kind++ {
		if kind.String() == word {
			return true
		}
	}
	return false
}

func (f filter) matches(m raft.Message) bool {
	return (f.from == raft.None || f.from == m.From) && (f.to == raft.None || f.to == m.To) &&
		(f.kind == "" || f.kind == m.Kind.String())
}

// parseNode reads a node's name; nothing is None.
func parseNode(word string) (raft.NodeID, error) {
	if word == "" {
		return raft.None, nil
	}
	n, err := strconv.ParseUint(word, 10, 64)
	return raft.NodeID(n), err
}

// links calls do for the links that the arguments name: A>B, or N for all of N's.
func (s *Script) links(args []string, do func(from, to raft.NodeID)) error {
	if len(args) != 1 {
		return fmt.Errorf("want one A>B or N, got %q", args)
	}
	if strings.Contains(args[0], ">") {
		f, err := newFilter(args)
		if err != nil {
			return err
		}
		do(f.from, f.to)
		return nil
	}
	id, err := parseNode(args[0])
	if err != nil {
		return err
	}
	for _, n := range s.cluster.nodes {
		do(id, n.id)
		do(n.id, id)
	}
	return nil
}
