package result

// The names of the phases of a trial (rule R12).
const (
	PhaseRestart     = "restart"      // power-loss: the order to start the nodes, to the first election timeout
	PhaseDetect      = "detect"       // the fault, to an election timeout, a disk seen to hang, or a hand-over that begins
	PhaseElect       = "elect"        // to the election that lasted
	PhaseFirstCommit = "first_commit" // to the commit of the new leader's no-op
	PhaseClient      = "client"       // to the first acknowledgement
	PhaseRecover     = "recover"      // to response times as in the steady phase
	PhaseFirstWrite  = "first_write"  // power-loss: the order to start the nodes, to the first acknowledged write
	PhaseCatchUp     = "catch_up"     // healing, to all nodes having applied what was committed
)

// PhaseNames returns them in the order in which they are shown.
func PhaseNames() []string {
	return []string{
		PhaseRestart, PhaseDetect, PhaseElect, PhaseFirstCommit, PhaseClient, PhaseRecover, PhaseFirstWrite, PhaseCatchUp,
	}
}

// PhasesMs returns the phases of the trial that make sense for its kind and were observed, in milliseconds.
func (t Trial) PhasesMs() map[string]float64 {
	phases := map[string]float64{}
	span := func(name string, from, to int64) {
		if from >= 0 && to >= from {
			phases[name] = float64(to-from) / 1000
		}
	}
	switch {
	case t.Kind == KindNoOp:
		return phases
	case Survived(t.Kind), Mixed(t.Kind): // it is over when it is healed
		span(PhaseRecover, t.HealUs, t.RecoverUs)
		span(PhaseCatchUp, t.HealUs, t.CaughtUpUs)
		return phases
	case t.CommitUs >= 0:
		t.failover(span)
	case t.Kind != KindLeaderDiskStall && t.Kind != KindFlapping: // those are survived without a new leader, too
		return phases
	}
	span(PhaseRecover, t.FirstAckUs, t.RecoverUs)
	span(PhaseCatchUp, t.HealUs, t.CaughtUpUs)
	return phases
}

// failover tells span the phases of a change of leader.
func (t Trial) failover(span func(name string, from, to int64)) {
	if t.Kind == KindPowerLoss { // nobody is there who could detect anything
		span(PhaseRestart, t.HealUs, t.DetectUs)
		span(PhaseFirstWrite, t.HealUs, t.FirstWriteUs)
	} else {
		span(PhaseDetect, t.InjectUs, t.DetectUs)
	}
	span(PhaseElect, t.DetectUs, t.ElectUs)
	span(PhaseFirstCommit, t.ElectUs, t.CommitUs)
	span(PhaseClient, t.CommitUs, t.FirstAckUs)
}
