package reports_test

import (
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/resulttest"
)

// Each kind of fault has the tables and the words that are about it, and not those of a killed leader.
func TestPagesOfTheOtherFaults(t *testing.T) {
	for _, c := range []struct {
		kind         string
		want, absent []string
	}{
		{result.KindLeaderDiskSlow, []string{
			"While the leader's disk was broken (leader-disk-slow), transport=tcp acknowledged",
			"Committed long before durable", "from the healing of the disk", "| leader-disk-slow |",
		}, []string{
			"acknowledged nothing for", "was out for", "no first commit of a new leader", "outage-cdf-leader-disk-slow",
		}},
		{result.KindLeaderDiskStall, []string{
			"After leader-disk-stall", "fault to the node that sees its disk hang", "phases-leader-disk-stall",
		}, []string{"the leader is gone", "first write"}},
		{result.KindPowerLoss, []string{
			"All nodes were killed at one instant; from the order to start them again to the first acknowledged write",
			"first write p50", "SIGKILL of all processes at one instant",
			"from the order to start the nodes to the first acknowledgement",
		}, []string{"fault to the first election timeout", "While the leader's disk was broken"}},
		{result.KindLeaderIsolate, []string{
			"After leader-isolate", "fault to the first election timeout", "phases-leader-isolate",
			"Goodput drops to zero when the leader is cut off", "Links are cut inside the nodes",
			"from the healing of the links to all nodes",
		}, []string{"the leader is gone", "disk was", "SIGKILL", "from the restart"}},
		{result.KindPartialPartition, []string{
			"from the healing of the links to response times as before",
		}, []string{"acknowledged nothing for", "was out for", "outage-cdf-partial-partition", "disk was"}},
		{result.KindFlapping, []string{
			"After flapping", "Turns are drawn for each trial", "catch up begins at the healing",
		}, []string{"the leader is gone", "disk was"}},
		{result.KindLeaderPause, []string{
			"After leader-pause", "Goodput drops to zero when the leader stands still", "Pause = SIGSTOP",
			"from the instant at which the old leader goes on to all nodes",
		}, []string{"the leader is gone", "disk was", "SIGKILL", "from the restart"}},
		{result.KindLeaderShutdown, []string{
			"After leader-shutdown", "order to the leader that tells its successor", "takes effect with its order",
			"from the restart of the node",
		}, []string{"the leader is gone", "disk was", "SIGKILL", "first election timeout", "shortest election timeout"}},
		{result.KindLeaderTransfer, []string{
			"After leader-transfer", "order to the leader that tells its successor", "takes effect with its order",
		}, []string{"the leader is gone", "disk was", "SIGKILL", "from the restart", "shortest election timeout"}},
		{result.KindFollowerKill, []string{
			"from the restart of the follower to response times as before", "Crash = SIGKILL",
		}, []string{"acknowledged nothing for", "was out for", "outage-cdf-follower-kill", "disk was"}},
		{result.KindFollowerSlow, []string{
			"from the end of the follower's stops to response times as before", "stopped for 80 of each 100 ms",
		}, []string{"acknowledged nothing for", "was out for", "outage-cdf-follower-slow", "disk was", "SIGKILL"}},
		{result.KindRollingRestart, []string{
			"After rolling-restart", "from the end of the last restart to all nodes", "its outage is the longest of them",
		}, []string{"the leader is gone", "disk was", "SIGKILL", "to the election that lasted", "shortest election timeout"}},
		{result.KindChaos, []string{
			"After chaos", "from the healing of the last fault of the mix", "in the note of each trial",
		}, []string{"the leader is gone", "disk was", "to the election that lasted", "shortest election timeout"}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			o := small()
			o.Kind = c.kind
			text := read(t, render(t, write(t, o)).Markdown)
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("the report does not say %q", want)
				}
			}
			for _, absent := range c.absent {
				if strings.Contains(text, absent) {
					t.Errorf("the report says %q", absent)
				}
			}
		})
	}
}

// Rule R20: what is not durable is said before the findings, in each caption and on the console; what is, is not.
func TestNobodyMissesThatAResultIsNotDurable(t *testing.T) {
	for _, c := range []struct {
		name       string
		durability result.Durability
		storage    string
		want       string
	}{
		{"none", result.DurabilityNone, "honest", "Durability class none in transport=tcp"},
		{"mem", result.DurabilityMem, "honest", "Durability class mem in transport=tcp"},
		{"tmpfs", result.DurabilityFsync, "no stable storage: tmpfs", "Storage: no stable storage: tmpfs."},
		{"honest", result.DurabilityFsync, "honest", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := resulttest.Options{
				Arms: []string{"transport=tcp"}, Trials: 1, Noops: 1, RatePS: 100, SteadyS: 1,
				Durability: c.durability, Storage: c.storage,
			}
			rendered := render(t, write(t, o))
			page, text := read(t, rendered.Page), read(t, rendered.Markdown)
			if c.want == "" {
				if strings.Contains(page+text+rendered.Headline, "NOT DURABLE") {
					t.Error("a result on an honest disk is called not durable")
				}
				if !strings.Contains(rendered.Headline, "durability: fsync, storage honest") {
					t.Errorf("got %q, want the durability class below the tables", rendered.Headline)
				}
				return
			}
			if !strings.Contains(rendered.Headline, "NOT DURABLE\n  "+c.want) {
				t.Errorf("got %q on the console, want %q", rendered.Headline, c.want)
			}
			if at := strings.Index(text, c.want); at < 0 || at > strings.Index(text, "## Verdict") {
				t.Errorf("the report does not say %q before its findings", c.want)
			}
			if at := strings.Index(page, `role="alert"`); at < 0 || at > strings.Index(page, `id="verdict"`) {
				t.Error("the page has no alert before its findings")
			}
			figures := strings.Count(page, "<figure")
			if got := strings.Count(page, "NOT DURABLE: "); figures == 0 || got < figures {
				t.Errorf("got %d captions of %d figures that say it", got, figures)
			}
		})
	}
}
