package reports

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/page"
	"github.com/raftmark/raftmark/reports/plot"
)

// TraceOptions choose which trials to draw. Without any of them these are the median and the worst one of each kind.
type TraceOptions struct {
	Arm  string // default: all, with Trial the first arm that has the trial
	Kind string // of the fault; default: all, with Trial the first one
	// Trial is its number within the arm and kind, from 1; default 0: the median and the worst.
	Trial int
}

// TraceTrials draws trials of a stored result as space-time diagrams.
func TraceTrials(dir string, o TraceOptions) ([]plot.Figure, error) {
	r, err := result.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResult, err)
	}
	if len(r.Events) == 0 {
		return nil, fmt.Errorf("%w: %s has no %s: nothing is known of the nodes", ErrResult, dir, result.EventsFile)
	}
	s, err := newStudyWatching(r, func(s *study) {
		if o == (TraceOptions{}) {
			s.watchOdd()
		} else {
			s.watchAsked(o)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResult, err)
	}
	var figures []plot.Figure
	for _, w := range s.watching {
		if w.rank != "" || o.Trial != 0 {
			figures = append(figures, plot.SpaceTimeDiagram(s.spaceTime(w)))
		}
	}
	if len(figures) == 0 {
		return nil, fmt.Errorf("%w: no such trial; there are %s", ErrResult, s.trialCounts())
	}
	return figures, nil
}

// watchAsked watches one trial by its number, or the median and the worst of an arm or a kind.
func (s *study) watchAsked(o TraceOptions) {
	if o.Trial == 0 {
		narrowed := &study{Result: s.Result}
		for _, a := range s.arms {
			if o.Arm == "" || a.Name == o.Arm {
				narrowed.arms = append(narrowed.arms, a)
			}
		}
		for _, kind := range s.kinds {
			if o.Kind == "" || kind == o.Kind {
				narrowed.kinds = append(narrowed.kinds, kind)
			}
		}
		narrowed.watchOdd()
		s.watching = narrowed.watching
		return
	}
	for _, a := range s.arms {
		for _, kind := range append(slices.Clone(s.kinds), noop) {
			for _, t := range a.trials[kind] {
				if t.Trial == o.Trial && (o.Arm == "" || a.Name == o.Arm) && (o.Kind == "" || kind == o.Kind) &&
					len(s.watching) == 0 {
					s.watch(a, t)
				}
			}
		}
	}
}

func (s *study) trialCounts() string {
	text := ""
	for _, a := range s.arms {
		for _, kind := range sortedKeys(a.trials) {
			if text != "" {
				text += "; "
			}
			text += fmt.Sprintf("%d of %s in %s", len(a.trials[kind]), kind, a.Name)
		}
	}
	return orText(text, "none")
}

// marksMax caps the marks of a diagram: links that flap for seconds make more than one can read.
const marksMax = 60

// spaceTime turns the records around a trial into a diagram.
func (s *study) spaceTime(w *watched) plot.SpaceTime {
	t := w.trial
	d := plot.SpaceTime{
		Name:  fmt.Sprintf("space-time-%s-%s-%d", slug(t.Kind), slug(w.arm.Name), t.Trial),
		Scale: plot.TimeByEvent, HasClients: len(w.ops) > 0,
	}
	if t.InjectUs < 0 {
		t.InjectUs = t.CommandUs
	}
	ms := func(us int64) float64 { return float64(us-t.InjectUs) / 1e3 }
	until := max(t.FirstAckUs, t.RecoverUs, t.HealUs, t.CaughtUpUs)
	if until < 0 {
		until = t.EndUs
	}
	until = min(max(until+20_000, t.InjectUs+50_000), max(t.EndUs, t.InjectUs+50_000))
	life := newNodeLives(s.eventsOf(w.arm.Name), min(t.CommandUs, t.InjectUs)-20_000, until, t.InjectUs)
	d.From, d.To = ms(life.from), ms(life.to)
	d.Nodes, d.Roles, d.Marks = life.nodes, life.spans, life.marks
	s.clientMarks(w, &d, t, ms)
	slices.SortStableFunc(d.Marks, func(a, b plot.SpaceMark) int {
		switch {
		case a.At < b.At:
			return -1
		case a.At > b.At:
			return 1
		}
		return 0
	})
	all := len(d.Marks)
	if all > marksMax {
		d.Marks = d.Marks[:marksMax]
		d.To = d.Marks[marksMax-1].At
	}
	what := w.rank
	if what != "" {
		what = fmt.Sprintf(", %s of %d trials", what, w.n)
	}
	d.Title = fmt.Sprintf("What the nodes did: %s, trial %d of %s%s; outage %s", t.Kind, t.Trial, w.arm.Name, what,
		milliseconds(t.OutageMs))
	if all > marksMax {
		d.Title += fmt.Sprintf(" (the first %d of %d marks)", marksMax, all)
	}
	d.Alt = "A vertical line for each node, its colour the term and its width the role, and one for the clients. " +
		"Instants are after the fault took effect."
	return d
}

// clientMarks adds what the clients saw.
func (s *study) clientMarks(w *watched, d *plot.SpaceTime, t result.Trial, ms func(int64) float64) {
	for i := range w.ops {
		op := &w.ops[i]
		if op.DoneUs >= 0 {
			d.Answers = append(d.Answers, plot.SpaceAnswer{At: ms(op.DoneUs), OK: op.Outcome == "ok"})
		}
	}
	slices.SortStableFunc(d.Answers, func(a, b plot.SpaceAnswer) int { return int(math.Copysign(1, a.At-b.At)) })
	for _, m := range []struct {
		at   int64
		text string
	}{{t.LastAckUs, "last answer"}, {t.FirstAckUs, "first answer"}, {t.RecoverUs, "as before"}} {
		if d.HasClients && m.at >= 0 && ms(m.at) >= d.From && ms(m.at) <= d.To && t.Kind != noop {
			d.Marks = append(d.Marks, plot.SpaceMark{Clients: true, At: ms(m.at), Kind: plot.MarkAnswer, Text: m.text})
		}
	}
}

func (s *study) eventsOf(arm string) []result.Event {
	var own []result.Event
	for _, e := range s.Events {
		if e.Arm == arm {
			own = append(own, e)
		}
	}
	slices.SortStableFunc(own, func(a, b result.Event) int { return int(a.TimeUs - b.TimeUs) })
	return own
}

// spaceTimeFigures are the diagrams of a kind in the report: the median trial and the worst.
func (s *study) spaceTimeFigures(kind string) []page.Block {
	var blocks []page.Block
	if len(s.Events) == 0 || result.Survived(kind) {
		return nil
	}
	for _, w := range s.watchedOf(kind) {
		if w.rank == "" {
			continue
		}
		blocks = append(blocks, page.Figure{
			Figure: plot.SpaceTimeDiagram(s.spaceTime(w)),
			Caption: fmt.Sprintf("Trial %s of %s in %s (%s): what each node was and when, from the nodes' own event streams, "+
				"and when clients were answered. All instants are of one monotonic clock and are milliseconds after the fault "+
				"took effect.", strconv.Itoa(w.trial.Trial), kind, w.arm.Name, w.rank),
			How: "Time goes down. A line's colour is the node's term, its width its role: wide is the leader, a dashed grey " +
				"line a node that is down. The green marks are answers; where they stop is the outage. The time between two " +
				"events is shortened, so read distances from the instants on the left. " +
				fmt.Sprintf("A diagram of more than %d marks ends with these, and its title says so.", marksMax),
			Not: "Messages: the nodes record what became of them, not each message, and nothing is drawn that was not " +
				"recorded. Nor how likely such a course is; it is one trial.",
		})
	}
	return blocks
}
