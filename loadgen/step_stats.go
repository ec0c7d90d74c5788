package loadgen

import "time"

// StepsReportedMax bounds the steps that StepStats keeps apart: each takes about 1 MB.
const StepsReportedMax = 32

// StepStats is the Recorder of a ScheduleStep: the figures of each step by itself, by the intended instant. What the
// last operations of a step left to wait counts in their own step, whatever the rate was when they were answered.
type StepStats struct {
	steps []Step
	parts []*Histograms
}

// NewStepStats returns empty figures of steps, of at most StepsReportedMax of them.
func NewStepStats(steps []Step) *StepStats {
	s := &StepStats{steps: steps[:min(len(steps), StepsReportedMax)]}
	for range s.steps {
		s.parts = append(s.parts, NewHistograms())
	}
	return s
}

// SetWindow implements Windowed: the steps follow each other from its beginning, and none outlasts it.
func (s *StepStats) SetWindow(from, to time.Duration) {
	at := from
	for i, step := range s.steps {
		end := Forever
		if at < Forever-step.For {
			end = at + step.For
		}
		s.parts[i].SetWindow(min(at, to), min(end, to))
		at = end
	}
}

// Record implements Recorder.
func (s *StepStats) Record(op *Op) {
	for _, part := range s.parts {
		part.Record(op)
	}
}

// Stats returns the figures of each step that has begun: Stats()[i] are those of step i, in which nothing may have been
// due.
func (s *StepStats) Stats() []Stats {
	var all []Stats
	for _, part := range s.parts {
		if stats := part.Stats(); stats.To > stats.From {
			all = append(all, stats)
		}
	}
	return all
}
