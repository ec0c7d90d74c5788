package fault

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestLinkFaults(t *testing.T) {
	const both = true
	lost := func(peers ...uint64) (cuts []LinkCut) {
		for _, peer := range peers {
			cuts = append(cuts, LinkCut{Peer: peer, Send: both, Receive: both})
		}
		return cuts
	}
	for _, c := range []struct {
		kind  string
		nodes int
		want  map[uint64][]LinkCut
	}{
		{LeaderIsolate, 3, map[uint64][]LinkCut{2: lost(0)}},
		{LeaderIsolateSend, 3, map[uint64][]LinkCut{2: {{Send: true}}}},
		{LeaderIsolateRecv, 3, map[uint64][]LinkCut{2: {{Receive: true}}}},
		{PartialPartition, 3, map[uint64][]LinkCut{2: lost(1)}},
		{Bridge, 3, map[uint64][]LinkCut{2: lost(1)}},
		{Bridge, 5, map[uint64][]LinkCut{2: lost(3, 4), 1: lost(3, 4)}}, // 2, 1 | 5 | 3, 4
		{Flapping, 3, map[uint64][]LinkCut{2: {{
			Send: true, Receive: true, FlapMin: 50 * time.Millisecond, FlapMax: 500 * time.Millisecond, Seed: 9,
		}}}},
	} {
		s := startSleepers(t, c.nodes)
		f := s.make(c.kind, Options{Seed: 9})
		injection, err := f.Inject(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(s.cuts, c.want) || injection.Node != 2 || injection.Effective < injection.Commanded {
			t.Errorf("%s of %d: got %+v, %+v, want %+v, under the leader's name", c.kind, c.nodes, s.cuts, injection, c.want)
		}
		if err := f.Check(t.Context(), s); err != nil {
			t.Errorf("%s: %v although messages met it", c.kind, err)
		}
		if err := f.Heal(t.Context(), s); err != nil || len(s.cuts) != 0 {
			t.Errorf("%s: got %v and %v, want no cut", c.kind, err, s.cuts)
		}
	}
}

// A cut that nothing met is no fault, and one that was made in part is healed.
func TestLinkFaultsThatDoNotTake(t *testing.T) {
	s := startSleepers(t, 3)
	s.idle = true
	f := s.make(LeaderIsolate, Options{})
	if _, err := f.Inject(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("nothing met it"))
	defer cancel()
	if err := f.Check(ctx, s); err == nil || !strings.Contains(err.Error(), "met") {
		t.Errorf("got %v from idle links, want an error", err)
	}
	five := startSleepers(t, 5)
	f = five.make(Bridge, Options{})
	if _, _, err := five.Kill(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Inject(t.Context(), five); err == nil || len(five.cuts) != 0 {
		t.Errorf("got %v and %v left, want an error and no cut", err, five.cuts)
	}
}
