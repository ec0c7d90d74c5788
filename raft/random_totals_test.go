package raft_test

import "testing"

// totals count what the schedules reached: a random test that never meets its own faults proves nothing.
type totals struct {
	Leaders, Committed, Crashes, Restarts, Fetches, Truncations, Duplicates, Drops int
	Changes, Joint, Compactions, Chunks, Installs, Transfers, Reads                int
}

func (s *totals) add(o totals) {
	s.Leaders += o.Leaders
	s.Committed += o.Committed
	s.Crashes += o.Crashes
	s.Restarts += o.Restarts
	s.Fetches += o.Fetches
	s.Truncations += o.Truncations
	s.Duplicates += o.Duplicates
	s.Drops += o.Drops
	s.Changes += o.Changes
	s.Joint += o.Joint
	s.Compactions += o.Compactions
	s.Chunks += o.Chunks
	s.Installs += o.Installs
	s.Transfers += o.Transfers
	s.Reads += o.Reads
}

func (s *totals) check(t *testing.T, seeds int) {
	t.Helper()
	if testing.Short() {
		return
	}
	for _, c := range []struct {
		name  string
		count int
	}{
		{"leaders", s.Leaders}, {"committed entries", s.Committed}, {"crashes", s.Crashes}, {"restarts", s.Restarts},
		{"fetches", s.Fetches}, {"truncations", s.Truncations}, {"duplicates", s.Duplicates}, {"drops", s.Drops},
		{"membership changes", s.Changes}, {"joint configurations", s.Joint}, {"compactions", s.Compactions},
		{"chunks stored", s.Chunks}, {"installs", s.Installs}, {"transfers", s.Transfers}, {"safe reads", s.Reads},
	} {
		if c.count < max(1, seeds/30) {
			t.Errorf("only %d %s in all schedules: the test has lost its teeth", c.count, c.name)
		}
	}
}
