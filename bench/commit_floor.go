package bench

import (
	"slices"
	"strconv"
	"time"

	"github.com/raftmark/raftmark/bench/calibrate"
	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/server"
)

// payload returns the length of the commands whose commits are timed.
func (s Scenario) payload() int {
	if s.Closed != nil {
		return int(s.Closed.Payload)
	}
	return int(s.Load.Payload)
}

// hasFloor says whether a commit of the scenario goes over a transport that calibration can measure: other systems have
// their own, a transport that is measured alone commits nothing, and calibration knows the default tuning only.
func (s Scenario) hasFloor() bool {
	return s.Exchange == nil && s.System == SystemRaftmark && s.Tuning == Tuning{}
}

// transportsOf returns what calibration has to measure for the floors of the arms, each once.
func transportsOf(arms []*armRecord) []calibrate.Transport {
	var all []calibrate.Transport
	for _, arm := range arms {
		s := arm.scenario
		if !s.hasFloor() || s.Nodes < 2 || s.Transport == server.TransportMem {
			continue
		}
		t := calibrate.Transport{
			Name: s.Transport, PayloadBytes: s.payload(), Links: s.Link.rules(), Link: s.Link.String(),
		}
		if !slices.ContainsFunc(all, func(o calibrate.Transport) bool {
			return o.Name == t.Name && o.PayloadBytes == t.PayloadBytes && o.Link == t.Link
		}) {
			all = append(all, t)
		}
	}
	return all
}

// String returns the link's conditions, "" when links are as they are.
func (l Link) String() string {
	if l.IsZero() {
		return ""
	}
	text := ""
	for _, part := range []struct {
		set  bool
		text string
	}{
		{l.Delay > 0, "delay " + l.Delay.String()}, {l.Jitter > 0, "jitter " + l.Jitter.String()},
		{l.Loss > 0, "loss " + strconv.FormatFloat(l.Loss, 'g', -1, 64)}, {l.Bandwidth > 0, l.Bandwidth.String()},
	} {
		if part.set && text != "" {
			text += ", "
		}
		if part.set {
			text += part.text
		}
	}
	return text
}

// floorUs returns what a commit of the scenario costs by its parts, from medians of the calibration: the client's round
// trip to the leader, and the time until the leader's disk and those of a majority have the entry (rule R15). All
// followers are on one host, and so alike. Nil when the calibration lacks a part of it.
func (s Scenario) floorUs(c *result.Calibration) *float64 {
	client, disk, peer := 0.0, 0.0, 0.0
	if !s.hasFloor() {
		return nil
	}
	if s.Closed == nil { // else the proposer is within the leader
		if c.RTTUs.P50 == nil {
			return nil
		}
		client = *c.RTTUs.P50
	}
	if s.durability() == result.DurabilityFsync {
		if c.FsyncUs.P50 == nil {
			return nil
		}
		disk = *c.FsyncUs.P50 + float64(time.Duration(s.SyncDelay).Nanoseconds())/1000
	}
	if s.Nodes > 1 {
		i := slices.IndexFunc(c.Transports, func(t result.TransportRTT) bool {
			return t.Name == s.Transport && t.PayloadBytes == s.payload() && t.Link == s.Link.String()
		})
		if i < 0 || c.Transports[i].RTTUs.P50 == nil {
			return nil
		}
		peer = *c.Transports[i].RTTUs.P50
	}
	floor := client + peer + disk // the leader's own disk is done before
	return &floor
}

// calibrationPlanned returns how long the calibration takes.
func calibrationPlanned(arms []Arm) time.Duration {
	records := make([]*armRecord, len(arms))
	for i, arm := range arms {
		records[i] = &armRecord{scenario: arm.Scenario}
	}
	return calibrations*calibrateEachDefault + time.Duration(len(transportsOf(records)))*calibrate.TransportEachMax
}
