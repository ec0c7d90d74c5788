package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/raftmark/raftmark/bench/cluster"
	"github.com/raftmark/raftmark/internal/clock"
	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/replica"
	"github.com/raftmark/raftmark/server"
	"github.com/raftmark/raftmark/storage"
)

// stagesTimeout bounds the question for stages.
const stagesTimeout = 2 * time.Second

// nodeNiceness is how far the nodes' scheduling priority is below the load generator's, which shares their cores: a
// generator that waits for a node would send late, and measure itself.
const nodeNiceness = 10

// processes is a system of one operating system process a node.
type processes struct {
	cluster *cluster.Cluster
	clock   clock.Clock
}

// startProcesses starts the scenario's cluster in dir.
//
// Note: the nodes' election timeouts are not seeded from the scenario. A node that is started again would draw the same
// ones as after its last start, and the outages of a run would not be independent.
func startProcesses(ctx context.Context, executable, dir string, s Scenario, clk clock.Clock) (system, error) {
	options := s.clusterOptions(dir, executable)
	options.ReadyTimeout, options.Niceness = bootMax, nodeNiceness
	nodes, err := cluster.Start(ctx, options)
	if err != nil {
		return nil, err
	}
	return &processes{cluster: nodes, clock: clk}, nil
}

// clusterOptions returns the scenario's cluster.
func (s Scenario) clusterOptions(dir, executable string) cluster.Options {
	return cluster.Options{
		Nodes: s.Nodes, Dir: dir, Binary: executable, Name: "bench",
		Transport: s.Transport, LogStorage: s.Log, Machine: s.Machine,
		Congestion: s.Congestion, AppendStreams: s.AppendStreams, HeartbeatDatagrams: s.HeartbeatDatagrams,
		Heartbeat:   time.Duration(s.Heartbeat),
		ElectionMin: time.Duration(s.Election.Min), ElectionMax: time.Duration(s.Election.Max),
		TickInterval: time.Duration(s.Tick), Raft: s.Raft, Sync: storage.Sync(s.Sync),
		DiskStallMax: server.StallLimit(s.DiskStallMax), TraceOneIn: s.traceOneIn(),
		EnableFaults: s.needsFaultPorts(), LinkFaults: s.Link.rules(), DiskFaults: s.diskRules(),
	}
}

func (p *processes) Now() time.Duration { return p.clock.Now() }

func (p *processes) Leader(ctx context.Context) (uint64, error) {
	leader, err := p.cluster.Leader(ctx)
	if err != nil {
		return 0, err
	}
	return uint64(leader.ID()), nil
}

func (p *processes) node(id uint64) (*cluster.Node, error) {
	node := p.cluster.Node(raft.NodeID(id))
	if node == nil {
		return nil, fmt.Errorf("no node %d", id)
	}
	return node, nil
}

func (p *processes) Kill(_ context.Context, id uint64) (commanded, gone time.Duration, err error) {
	node, err := p.node(id)
	if err != nil {
		return 0, 0, err
	}
	return node.Kill()
}

func (p *processes) Running(id uint64) bool {
	node, err := p.node(id)
	return err == nil && node.Running()
}

func (p *processes) Restart(ctx context.Context, id uint64) error {
	node, err := p.node(id)
	if err != nil {
		return err
	}
	return node.Restart(ctx)
}

func (p *processes) clientAddrs() []string {
	var addrs []string
	for _, node := range p.cluster.Nodes() {
		addrs = append(addrs, node.ClientAddr())
	}
	return addrs
}

func (p *processes) status(ctx context.Context, hash bool) []nodeStatus {
	var answers []server.Status
	if !hash {
		answers = p.cluster.Statuses(ctx)
	}
	for _, node := range p.cluster.Nodes() {
		if !hash || !node.Running() {
			continue
		}
		if answer, err := node.StatusWithHash(ctx); err == nil {
			answers = append(answers, answer)
		}
	}
	statuses := make([]nodeStatus, 0, len(answers))
	for i := range answers {
		a := &answers[i]
		s := statusOf(a)
		if hash {
			s.applied = uint64(a.StateIndex)
		}
		statuses = append(statuses, s)
	}
	return statuses
}

func statusOf(a *server.Status) nodeStatus {
	s := nodeStatus{
		node: uint64(a.Node), leads: a.IsLeader(), leader: uint64(a.Raft.Leader), term: uint64(a.Raft.Term),
		commit: uint64(a.Raft.CommitIndex), applied: uint64(a.Raft.LastApplied), hash: a.StateHash,
		dropped: a.EventsDropped, first: uint64(a.Raft.FirstIndex), last: uint64(a.Raft.LastIndex),
		members: a.Raft.Members.Configuration, snapshotBytes: a.Metrics.SnapshotBytesReceived,
		writes: a.Metrics.Writes,
	}
	if t := a.Transport; t != nil {
		s.socket = t.Socket
		for _, lane := range t.Lanes {
			s.messagesSent += lane.MessagesSent
		}
	}
	return s
}

func (p *processes) logChain(ctx context.Context, id, after, upto uint64) (string, error) {
	node, err := p.node(id)
	if err != nil {
		return "", err
	}
	answer, err := node.LogChain(ctx, raft.Index(after), raft.Index(upto))
	return answer.Sum, err
}

func (p *processes) nodeStatus(ctx context.Context, id uint64) (nodeStatus, error) {
	node, err := p.node(id)
	if err != nil {
		return nodeStatus{}, err
	}
	answer, err := node.Status(ctx)
	return statusOf(&answer), err
}

func (p *processes) events() ([]nodeEvent, error) {
	records, err := p.cluster.Events()
	events := make([]nodeEvent, 0, len(records))
	for _, r := range records {
		events = append(events, nodeEvent{
			at: time.Duration(r.TimeNs), node: uint64(r.Node),
			event: replica.Event{Kind: r.Kind, Term: r.Term, Leader: r.Leader, Peer: r.Peer, Index: r.Index,
				ConfigurationIndex: r.MembersIndex},
			members: r.Members, snapshot: uint64(r.SnapshotIndex),
		})
	}
	return events, err
}

func (p *processes) failed() <-chan struct{} { return p.cluster.Failed() }

func (p *processes) failure() error { return p.cluster.Err() }

func (p *processes) close() error { return p.cluster.Close() }
