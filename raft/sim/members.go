package sim

import (
	"math/rand/v2"

	"github.com/raftmark/raftmark/raft"
)

// operator is who changes the members of the cluster.
type operator struct {
	rng *rand.Rand
}

func (w *world) startMembers() {}

// membersNow returns the newest committed configuration.
func (w *world) membersNow() raft.Configuration { return w.bootstrap }

// configured takes a configuration that a server has just put into its log.
func (k *checker) configured(*node) {}

// canLose reports whether the rest of the cluster keeps every committed entry and its quorum without a server.
func (w *world) canLose(n *node) bool {
	lost, members := 0, w.membersNow()
	voters := 0
	for i := range members.Members {
		m := &members.Members[i]
		if m.Voter {
			voters++
			if w.node(m.ID).gone || m.ID == n.id {
				lost++
			}
		}
	}
	return !n.gone && lost <= (voters-1)/2
}

// drawRate draws the speed of a clock.
func (w *world) drawRate(rng *rand.Rand) float64 { return 0.5 + 1.5*rng.Float64() }
