package chronicle_test

import (
	"strings"
	"testing"
	"time"

	"github.com/raftmark/raftmark/raft"
	"github.com/raftmark/raftmark/raft/chronicle"
	"github.com/raftmark/raftmark/raft/rafttest"
	"github.com/raftmark/raftmark/raft/sim"
)

const script = `# One of three leads, and loses one message and one server.
cluster
----

do quiet
timeout 1
settle
propose 1 x
drop AppendEntries 1>2
settle
crash 3
----
what was printed once
is not looked at

check-invariants
----
all hold
`

func TestScriptIsRecorded(t *testing.T) {
	s := rafttest.Script{Chronicle: &chronicle.Recorder{}}
	if err := rafttest.RunScript(&s, strings.NewReader(script)); err != nil {
		t.Fatal(err)
	}
	r := s.Chronicle.Record()
	fates := map[chronicle.Fate]int{}
	for _, m := range r.Messages {
		fates[m.Fate]++
		if m.Fate == chronicle.Received && m.Ended <= m.Sent {
			t.Errorf("%v from %d to %d arrived at %d, left at %d", m.Kind, m.From, m.To, m.Ended, m.Sent)
		}
	}
	if fates[chronicle.Lost] != 1 || fates[chronicle.Received] < 10 {
		t.Errorf("got %v, want 1 lost message and at least 10 received ones", fates)
	}
	led, down, last := false, false, time.Duration(0)
	for _, step := range r.Steps {
		led = led || step.Kind == chronicle.StepRole && step.Role == raft.Leader && step.Node == 1
		down = down || step.Kind == chronicle.StepDown && step.Node == 3
		if step.At < last {
			t.Errorf("time goes back from %d to %d", last, step.At)
		}
		last = step.At
	}
	if !led || !down {
		t.Errorf("1 led: %v, 3 went down: %v, want both", led, down)
	}
	commands := 0
	for _, row := range r.Rows {
		if row.Command {
			commands++
		}
	}
	if commands != 6 || len(r.Rows) <= commands {
		t.Errorf("got %d commands in %d rows, want 6 and a row for each message that arrived", commands, len(r.Rows))
	}
}

func TestNoScriptIsAnError(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "cluster\n", "----\n", "dance\n----\n"} {
		if err := rafttest.RunScript(&rafttest.Script{}, strings.NewReader(text)); err == nil {
			t.Errorf("%q was taken for a script", text)
		}
	}
}

// TestRecordingChangesNothing compares a run with its record and without.
func TestRecordingChangesNothing(t *testing.T) {
	o := sim.Options{Seed: 7, Duration: 2 * time.Second}
	plain, err := sim.Run(o)
	if err != nil {
		t.Fatal(err)
	}
	o.Chronicle = &chronicle.Recorder{}
	recorded, err := sim.Run(o)
	if err != nil {
		t.Fatal(err)
	}
	if plain.Hash != recorded.Hash {
		t.Errorf("hash: got %#x with a record, want %#x", recorded.Hash, plain.Hash)
	}
	r := o.Chronicle.Record()
	received := int64(0)
	for _, m := range r.Messages {
		if m.Fate == chronicle.Received {
			received++
		}
	}
	if received == 0 || received > int64(len(r.Messages)) || r.End == 0 || len(r.Steps) == 0 {
		t.Errorf("got %d received of %d messages, %d steps, end %v", received, len(r.Messages), len(r.Steps), r.End)
	}
}
