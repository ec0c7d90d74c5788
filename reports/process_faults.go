package reports

import (
	"slices"
	"strings"

	"github.com/raftmark/raftmark/bench/result"
)

// lasts says whether trials of a kind last from the fault to its healing, while clients are served.
func lasts(kind string) bool {
	return breaksDisk(kind) || result.CutsLinks(kind) || result.HitsFollower(kind) || result.Mixed(kind) ||
		kind == result.KindLeaderPause
}

// meanwhile says what is the matter during trials of such kinds, after the word while.
func meanwhile(kinds ...string) string {
	var matters []string
	for _, kind := range kinds {
		if matter := matterOf(kind); !slices.Contains(matters, matter) {
			matters = append(matters, matter)
		}
	}
	return strings.Join(matters, ", or ")
}

func matterOf(kind string) string {
	switch {
	case result.CutsLinks(kind):
		return "links were cut"
	case kind == result.KindLeaderPause:
		return "the old leader's process stood still"
	case kind == result.KindFollowerKill:
		return "a follower was down"
	case kind == result.KindFollowerSlow:
		return "a follower stood still most of the time"
	case kind == result.KindRollingRestart:
		return "the nodes were restarted in turn"
	case kind == result.KindChaos:
		return "faults were mixed"
	default:
		return "the leader's disk was broken"
	}
}

// healing names its end.
func healing(kind string) string {
	switch {
	case result.CutsLinks(kind):
		return "the healing of the links"
	case kind == result.KindLeaderPause:
		return "the instant at which the old leader goes on"
	case kind == result.KindFollowerKill:
		return "the restart of the follower"
	case kind == result.KindFollowerSlow:
		return "the end of the follower's stops"
	case kind == result.KindRollingRestart:
		return "the end of the last restart"
	case kind == result.KindChaos:
		return "the healing of the last fault of the mix"
	default:
		return "the healing of the disk"
	}
}

// ofProcesses says whether a kind has the texts below.
func ofProcesses(kind string) bool {
	return result.HitsFollower(kind) || result.HandsOver(kind) || result.Mixed(kind) || kind == result.KindLeaderPause
}

// processesAlt says what is to be seen around a fault of processes, but for kills of the leader.
func processesAlt(kind string) string {
	switch {
	case result.HitsFollower(kind):
		return "Goodput and response time stay nearly as they are: the leader keeps a majority."
	case result.HandsOver(kind):
		return "Goodput dips for the time of the hand-over, and response time rises for operations that were due meanwhile."
	case kind == result.KindRollingRestart:
		return "Goodput goes on while the nodes are restarted in turn, and dips where leadership is handed over."
	case kind == result.KindChaos:
		return "Goodput falls and returns with each fault of the mix that hits the leader."
	default:
		return "Goodput falls to zero when the leader stands still and returns with the new leader; response time rises " +
			"for operations that were due meanwhile."
	}
}

// processesHow says how to read the figure around such a fault; slope is what is said of all outages.
func processesHow(kind, slope string) string {
	switch {
	case result.HitsFollower(kind):
		return "What changes between the fault and the cross is what the missing, or late, acknowledgements of one " +
			"follower cost; a drop to zero would be a change of leader without need."
	case result.HandsOver(kind):
		return "The fault is the order to hand over, and nobody has to wait for an election timeout. A hand-over that " +
			"takes less than a bin shows as a dip, or not at all; the response times below show it all the same."
	case kind == result.KindRollingRestart:
		return "The fault is the order to the first node, the cross the end of the last restart. The instants differ " +
			"between trials, so that the median shows how much goes on and not the single hand-overs."
	case kind == result.KindChaos:
		return "Each trial has a mix of its own (the notes of the trials name it), so that the median shows how much " +
			"goes on and not the single faults; at the cross the last one is healed."
	default:
		return "Goodput drops to zero when the leader stands still" + slope + " Operations that wait at the old leader " +
			"keep response times high until the cross, where it goes on, although others are served."
	}
}

// processesMethod says how a fault of processes is made, and what it is not.
func processesMethod(kind string) string {
	switch {
	case kind == result.KindLeaderPause:
		return "Pause = SIGSTOP of the process, in effect when all of its threads stand still. Its kernel goes on: it " +
			"takes connections and acknowledges what is sent, which a frozen machine would not."
	case result.HandsOver(kind):
		return "An orderly fault takes effect with its order: " + kind + " counts from there, and its leaderless time " +
			"holds what the leader does before it hands over. Its outage is a gap between acknowledgements like any other: " +
			"what the rate of the load alone makes of it is the outage of noop."
	case kind == result.KindFollowerSlow:
		return "A slow follower is stopped for 80 of each 100 ms, which is less than an election timeout."
	case kind == result.KindRollingRestart:
		return "A rolling restart has as many hand-overs as it happens to need: its outage is the longest of them, and " +
			"it has no phases of a failover."
	case kind == result.KindChaos:
		return "Chaos = three other faults, one after another, each healed before the next. Which ones is drawn from the " +
			"seed and is in the note of each trial, in " + result.TrialsFile + "."
	default:
		return ""
	}
}
