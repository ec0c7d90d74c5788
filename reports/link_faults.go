package reports

import "github.com/raftmark/raftmark/bench/result"

// linksAlt says what is to be seen around a fault of links.
func linksAlt(kind string) string {
	switch kind {
	case result.KindFlapping:
		return "Goodput falls and returns with each turn of the leader's links, and with each new leader."
	case result.KindPartialPartition, result.KindBridge:
		return "Goodput and response time stay nearly as they are: the leader keeps a majority."
	default:
		return "Goodput falls to zero when the leader is cut off and returns with the new leader; response time rises for " +
			"operations that were due meanwhile."
	}
}

// linksHow says how to read the figure around a fault of links; slope is what is said of all outages.
func linksHow(kind, slope string) string {
	switch kind {
	case result.KindFlapping:
		return "Turns are drawn for each trial, so that the median shows how much goes on and not the turns themselves; at " +
			"the cross the links are healed for good."
	case result.KindPartialPartition, result.KindBridge:
		return "What changes between the fault and the cross is what the lost followers cost; a drop to zero would be a " +
			"change of leader without need."
	default:
		return "Goodput drops to zero when the leader is cut off" + slope + " Operations that wait at the old leader keep " +
			"response times high until the cross, where its links are healed, although others are served."
	}
}

// linksMethod says how links are cut.
const linksMethod = "Links are cut inside the nodes, at one end, without the kernel knowing: connections (tcp, tls) " +
	"hold what is cut and deliver it when they are healed, datagrams (quic) lose it. Clients reach all nodes all the time."
