package reports

import "github.com/raftmark/raftmark/bench/result"

// phase is a step of a trial (rule R12); its times are those of [result.Trial.PhasesMs].
type phase struct{ name, title, meaning string }

// phasesOf returns the phases that trials of a kind can have, in their order.
func phasesOf(kind string) []phase {
	detect := phase{result.PhaseDetect, "detect", "fault to the first election timeout"}
	recover := phase{result.PhaseRecover, "recover",
		"to response times as before the fault, without a backlog, in steps of 5 ms"}
	catchUp := phase{result.PhaseCatchUp, "catch up",
		"from the restart of the node to its having applied what was committed, as polled"}
	if lasts(kind) {
		catchUp.meaning = "from " + healing(kind) + " to all nodes having applied what was committed, as polled"
	}
	if result.Survived(kind) || result.Mixed(kind) {
		recover.meaning = "from " + healing(kind) + " " + recover.meaning
		return []phase{recover, catchUp}
	}
	switch kind {
	case result.KindLeaderDiskStall:
		detect.meaning = "fault to the node that sees its disk hang"
	case result.KindLeaderShutdown, result.KindLeaderTransfer:
		detect = phase{result.PhaseDetect, "prepare", "order to the leader that tells its successor to stand for election"}
	case result.KindPowerLoss:
		detect = phase{result.PhaseRestart, "restart", "order to start the nodes, to the first election timeout"}
		catchUp.meaning = "from that order to all nodes having applied what was committed, as polled"
	}
	phases := []phase{
		detect, {result.PhaseElect, "elect", "to the election that lasted"},
		{result.PhaseFirstCommit, "first commit", "to the commit of the new leader's no-op"},
		{result.PhaseClient, "client", "to the first acknowledgement"}, recover,
	}
	if kind == result.KindPowerLoss {
		phases = append(phases, phase{result.PhaseFirstWrite, "first write",
			"from the order to start the nodes to the first acknowledged write"})
	}
	if kind == result.KindLeaderTransfer { // nobody was away
		return phases
	}
	return append(phases, catchUp)
}

// of returns how long the phase took in a trial, in milliseconds; not ok when an end of it was not observed.
func (p phase) of(t result.Trial) (float64, bool) {
	ms, ok := t.PhasesMs()[p.name]
	return ms, ok
}

// stackedPhases is how many phases of a failover follow one another up to the first acknowledgement.
const stackedPhases = 4

// breaksDisk says whether a fault of the kind is one of the leader's disk.
func breaksDisk(kind string) bool {
	return kind == result.KindLeaderDiskStall || kind == result.KindLeaderDiskSlow
}
