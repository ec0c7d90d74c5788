package versus

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"github.com/raftmark/raftmark/bench/result"
	"github.com/raftmark/raftmark/reports/stat"
)

// Verdict is the answer on one metric.
type Verdict string

// The verdicts; see the package comment.
const (
	Better        Verdict = "better"
	Worse         Verdict = "worse"
	Same          Verdict = "the same"
	CannotResolve Verdict = "cannot resolve"
)

// significance is the probability, after Holm's correction, below which a difference counts.
const significance = .05

// hintFactor is the difference that Row.Needed is about.
const hintFactor = 1.05

// Row is one metric of one arm: NEW against BASE.
type Row struct {
	New, Arm, Metric string
	BaseValues       stat.Sample
	NewValues        stat.Sample
	// Ratio is NEW to BASE; Low and High are its interval, NaN when there are too few values.
	Ratio, Low, High float64
	P                float64 // corrected
	// Floor is how far from 1 the ratio of two results of the same is; NaN when it was not measured.
	Floor   float64
	Verdict Verdict
	// BaseMissing and NewMissing are how many runs or trials have no value: nothing is said when there are any in NEW
	// that are not in BASE, as the values that are there are the better ones.
	BaseMissing, NewMissing int
	// Needed is how many values each side needs to see a difference of 5 %; 0 when that cannot be said.
	Needed int

	unit unit
}

// Comparison is what Compare found.
type Comparison struct {
	Base     string // the folder's name
	News     []string
	Rows     []Row
	Warnings []string // conditions that were not the same, results that do not hold
	Notes    []string // what only one side has
	// Unsafe names results that lost acknowledged writes; Doubtful those that do not hold, and what one side lacks: no
	// limit can be said to hold then.
	Unsafe, Doubtful []string
	options          Options
}

// Compare compares each of news with base, arm by arm. It returns a *ConditionsError when what was measured is not the
// same, and an error when there is nothing to compare.
func Compare(base *result.Result, news []*result.Result, o Options) (*Comparison, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	c := &Comparison{Base: filepath.Base(base.Dir), options: o}
	c.judge(base)
	if err := c.judgeFloor(base); err != nil {
		return nil, err
	}
	for _, fresh := range news {
		c.News = append(c.News, filepath.Base(fresh.Dir))
		c.judge(fresh)
		differ := differences(base, fresh)
		pairs := c.pair(base, fresh)
		for _, p := range pairs {
			differ = append(differ, armDifferences(p.base, p.fresh)...)
		}
		if len(differ) > 0 {
			err := &ConditionsError{Dir: fresh.Dir, Differences: differ}
			if !o.Anyway {
				return nil, err
			}
			c.Warnings = append(c.Warnings, err.Error())
		}
		for _, p := range pairs {
			c.compareArms(base, fresh, p)
		}
	}
	return c.finish()
}

// CompareArms compares the arms of one result with its first one.
func CompareArms(r *result.Result, o Options) (*Comparison, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if len(r.Summary.Arms) < 2 {
		return nil, fmt.Errorf("%s has one arm: give a second result to compare with", r.Dir)
	}
	first := &r.Summary.Arms[0]
	c := &Comparison{Base: first.Name, options: o}
	c.judge(r)
	for i := range r.Summary.Arms[1:] {
		arm := &r.Summary.Arms[1+i]
		c.News = append(c.News, arm.Name)
		c.compareArms(r, r, pair{base: first, fresh: arm})
	}
	return c.finish()
}

func (c *Comparison) finish() (*Comparison, error) {
	if len(c.Rows) == 0 {
		return nil, errors.New("there is nothing to compare: no arm has a metric that the other has too")
	}
	raw := make([]float64, len(c.Rows))
	for i := range c.Rows {
		raw[i] = c.Rows[i].P
	}
	for i, p := range stat.Holm(raw) {
		c.Rows[i].P = p
		c.Rows[i].Needed, _ = stat.SampleFor(hintFactor, c.Rows[i].BaseValues, len(c.Rows))
		c.Rows[i].Verdict = c.verdict(&c.Rows[i])
	}
	return c, nil
}

// judge warns of a result that does not hold.
func (c *Comparison) judge(r *result.Result) {
	line := fmt.Sprintf("%s is %s", filepath.Base(r.Dir), r.Summary.Verdict)
	switch r.Summary.Verdict {
	case result.VerdictOK:
		return
	case result.VerdictUnsafe:
		c.Unsafe = append(c.Unsafe, line)
	default:
		c.Doubtful = append(c.Doubtful, line)
	}
	c.Warnings = append(c.Warnings, line)
}

type pair struct{ base, fresh *result.Arm }

// judgeFloor checks that the noise floor is of what base is of.
func (c *Comparison) judgeFloor(base *result.Result) error {
	floor := c.options.Floor
	if floor == nil {
		return nil
	}
	c.judge(floor)
	differ := differences(base, floor)
	for i := range base.Summary.Arms {
		if other := armOf(floor, base.Summary.Arms[i].Name); other != nil {
			differ = append(differ, armDifferences(&base.Summary.Arms[i], other)...)
		}
	}
	if len(differ) == 0 {
		return nil
	}
	err := &ConditionsError{Dir: floor.Dir, Differences: differ}
	if !c.options.Anyway {
		return err
	}
	c.Warnings = append(c.Warnings, err.Error())
	return nil
}

// pair returns the arms that both results have: those of the same name, or the only ones.
func (c *Comparison) pair(base, fresh *result.Result) []pair {
	if len(base.Summary.Arms) == 1 && len(fresh.Summary.Arms) == 1 {
		return []pair{{&base.Summary.Arms[0], &fresh.Summary.Arms[0]}}
	}
	var pairs []pair
	for i := range fresh.Summary.Arms {
		arm := &fresh.Summary.Arms[i]
		if other := armOf(base, arm.Name); other != nil {
			pairs = append(pairs, pair{other, arm})
		} else {
			c.lacks(fmt.Sprintf("%s has the arm %s, %s has not", filepath.Base(fresh.Dir), arm.Name, c.Base))
		}
	}
	for i := range base.Summary.Arms {
		if name := base.Summary.Arms[i].Name; armOf(fresh, name) == nil {
			c.lacks(fmt.Sprintf("%s has the arm %s, %s has not", c.Base, name, filepath.Base(fresh.Dir)))
		}
	}
	return pairs
}

func armOf(r *result.Result, name string) *result.Arm {
	for i := range r.Summary.Arms {
		if r.Summary.Arms[i].Name == name {
			return &r.Summary.Arms[i]
		}
	}
	return nil
}

func (c *Comparison) compareArms(base, fresh *result.Result, p pair) {
	for _, b := range metricsOf(fresh, p.fresh) {
		if _, ok := metricOf(base, p.base, b.name); !ok {
			c.lacks(fmt.Sprintf("%s of %s was measured in %s only", b.name, p.fresh.Name, filepath.Base(fresh.Dir)))
		}
	}
	for _, a := range metricsOf(base, p.base) {
		b, ok := metricOf(fresh, p.fresh, a.name)
		if !ok {
			c.lacks(fmt.Sprintf("%s of %s was measured in %s only", a.name, p.base.Name, c.Base))
			continue
		}
		row := Row{
			New: filepath.Base(fresh.Dir), Arm: p.fresh.Name, Metric: a.name, unit: a.unit,
			BaseValues: a.values, NewValues: b.values, BaseMissing: a.missing, NewMissing: b.missing,
			Low: math.NaN(), High: math.NaN(), Floor: c.floor(p.base.Name, a),
		}
		row.Ratio, _ = stat.Ratio(a.values, b.values)
		if low, high, ok := stat.RatioInterval(a.values, b.values); ok {
			row.Low, row.High = low, high
		}
		row.P, _ = stat.RankSum(a.values, b.values)
		c.Rows = append(c.Rows, row)
	}
}

// lacks notes what only one side has.
func (c *Comparison) lacks(what string) {
	c.Notes = append(c.Notes, what)
	c.Doubtful = append(c.Doubtful, what)
}

// floor returns how far two results of the same are apart in a metric, or NaN.
func (c *Comparison) floor(arm string, base metric) float64 {
	if c.options.Floor == nil {
		return math.NaN()
	}
	other := armOf(c.options.Floor, arm)
	if other == nil {
		return math.NaN()
	}
	again, ok := metricOf(c.options.Floor, other, base.name)
	if !ok {
		return math.NaN()
	}
	ratio, _ := stat.Ratio(base.values, again.values)
	return max(ratio, 1/ratio) - 1
}

// verdict decides by where the whole interval lies (rule R17).
func (c *Comparison) verdict(r *Row) Verdict {
	if math.IsNaN(r.Low) || r.BaseMissing != r.NewMissing {
		return CannotResolve
	}
	limit := 1 + c.options.Threshold
	if !math.IsNaN(r.Floor) {
		limit = max(limit, 1+r.Floor)
	}
	switch {
	case r.Low > limit && r.P < significance:
		return Worse
	case r.High < 1/limit && r.P < significance:
		return Better
	case c.options.Threshold > 0 && r.High <= 1+c.options.Threshold && r.Low >= 1/(1+c.options.Threshold):
		return Same
	default:
		return CannotResolve
	}
}
