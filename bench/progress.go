package bench

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/raftmark/raftmark/loadgen"
)

// Update is where an experiment stands, once a second, for whoever waits for it.
type Update struct {
	ElapsedS float64 `json:"elapsed_s"`
	LeftS    float64 `json:"left_s"` // estimated
	Arm      string  `json:"arm"`
	Run      int     `json:"run"` // of Runs, over all arms
	Runs     int     `json:"runs"`
	Phase    string  `json:"phase"`
	Trial    int     `json:"trial,omitempty"` // of Trials in this run
	Trials   int     `json:"trials,omitempty"`
	Offered  float64 `json:"offered_per_s"`
	Achieved int64   `json:"achieved_per_s"`
	P50Us    int64   `json:"p50_us"`
	P99Us    int64   `json:"p99_us"`
	InFlight int64   `json:"in_flight"`
	Leader   uint64  `json:"leader"`
	Term     uint64  `json:"term"`
	// Note is something worth a line of its own; the other fields are then only context.
	Note string `json:"note,omitempty"`
}

// String returns the update as one line.
func (u Update) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%4.0fs  run %d/%d  %-16s %-12s", u.ElapsedS, u.Run, u.Runs, u.Arm, u.Phase)
	if u.Note != "" {
		return b.String() + " " + u.Note
	}
	if u.Trials > 0 {
		fmt.Fprintf(&b, " trial %d/%d", u.Trial, u.Trials)
	}
	if u.Offered > 0 {
		fmt.Fprintf(&b, "  offered %.0f/s  achieved %d/s  p50 %s  p99 %s  in flight %d",
			u.Offered, u.Achieved, shortUs(u.P50Us), shortUs(u.P99Us), u.InFlight)
	}
	if u.Leader != 0 {
		fmt.Fprintf(&b, "  leader %d term %d", u.Leader, u.Term)
	}
	if u.LeftS > 0 {
		fmt.Fprintf(&b, "  %.0fs left", u.LeftS)
	}
	return strings.TrimRight(b.String(), " ")
}

func shortUs(us int64) string {
	switch {
	case us <= 0:
		return "-"
	case us < 1000:
		return fmt.Sprintf("%dµs", us)
	default:
		return fmt.Sprintf("%.1fms", float64(us)/1000)
	}
}

// progress gathers the update and hands it out once a second. Its setters may be called from any goroutine.
type progress struct {
	mouth   sync.Mutex // one report at a time
	report  func(Update)
	started time.Time
	planned time.Duration // the whole experiment, as estimated before it
	stopped chan struct{}
	done    sync.WaitGroup

	mu       sync.Mutex
	update   Update
	runsDone int
	runsTook time.Duration
	counters func() loadgen.Counters
	offered  int64 // at the last update
	at       time.Duration
}

func startProgress(report func(Update), planned time.Duration, runs int) *progress {
	if report == nil {
		report = func(Update) {}
	}
	p := &progress{
		report: report, started: time.Now(), planned: planned, stopped: make(chan struct{}),
		update: Update{Runs: runs},
	}
	p.done.Add(1)
	go p.tick()
	return p
}

func (p *progress) tick() {
	defer p.done.Done()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-p.stopped:
			return
		case <-ticker.C:
			p.tell(p.current())
		}
	}
}

// stop ends the updates; none comes after it has returned.
func (p *progress) stop() {
	close(p.stopped)
	p.done.Wait()
}

func (p *progress) current() Update {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.update
	elapsed := time.Since(p.started)
	u.ElapsedS = elapsed.Seconds()
	u.LeftS = max(0, p.left(elapsed).Seconds())
	if p.counters == nil {
		return u
	}
	c := p.counters()
	if passed := c.At - p.at; passed > 0 {
		u.Offered = float64(c.Offered-p.offered) / passed.Seconds()
	}
	p.offered, p.at = c.Offered, c.At
	u.Achieved, u.InFlight = c.LastPerS, c.InFlight
	u.P50Us, u.P99Us = c.LastP50.Microseconds(), c.LastP99.Microseconds()
	return u
}

// left trusts the plan until a run has ended, and then the mean of those that have.
func (p *progress) left(elapsed time.Duration) time.Duration {
	if p.runsDone == 0 {
		return p.planned - elapsed
	}
	mean := p.runsTook / time.Duration(p.runsDone)
	begun := elapsed - p.runsTook
	return mean*time.Duration(p.update.Runs-p.runsDone) - max(0, min(mean, begun))
}

func (p *progress) beginRun(arm string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.update = Update{Arm: arm, Run: p.update.Run + 1, Runs: p.update.Runs}
}

// load says where the counters of the load are; nil when there is none.
func (p *progress) load(counters func() loadgen.Counters) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counters, p.offered, p.at = counters, 0, 0
}

func (p *progress) endRun(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.runsDone++
	p.runsTook += took
}

func (p *progress) phase(name string, trial, trials int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.update.Phase, p.update.Trial, p.update.Trials = name, trial, trials
}

func (p *progress) leader(node, term uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.update.Leader, p.update.Term = node, term
}

// note reports a line of its own at once.
func (p *progress) note(format string, args ...any) {
	p.mu.Lock()
	u := p.update
	u.ElapsedS = time.Since(p.started).Seconds()
	u.Note = fmt.Sprintf(format, args...)
	p.mu.Unlock()
	p.tell(u)
}

func (p *progress) tell(u Update) {
	p.mouth.Lock()
	defer p.mouth.Unlock()
	p.report(u)
}
