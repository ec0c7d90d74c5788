package sweep

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Variables of the environment, see the package comment.
const (
	lengthVariable = "RAFTMARK_STORAGE"
	rowsVariable   = "RAFTMARK_STORAGE_ROWS"
	caseVariable   = "RAFTMARK_STORAGE_CASE"
	untilVariable  = "RAFTMARK_STORAGE_UNTIL"
)

// failuresMax is how many cases may fail before a sweep ends: the rest fails alike.
const failuresMax = 5

// Sweep counts what a test tries. Its methods may be called from any goroutine.
type Sweep struct {
	t     *testing.T
	what  string
	began time.Time
	until time.Time // when it has to end; zero: never

	mu       sync.Mutex
	cases    int
	clones   int
	faults   map[string]int
	outcomes map[string]int
	failures int
}

// Start begins the sweep that t is; what says in a few words what is swept. At the end of t its row is written, and t
// fails when nothing was exercised.
func Start(t *testing.T, what string) *Sweep {
	t.Helper()
	s := &Sweep{t: t, what: what, began: time.Now(), faults: map[string]int{}, outcomes: map[string]int{}}
	if text := os.Getenv(untilVariable); text != "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatalf("%s=%q: %v", untilVariable, text, err)
		}
		s.until = time.Unix(seconds, 0)
	}
	t.Cleanup(s.finish)
	return s
}

// Long reports whether all of it is wanted, and not a sample.
func (s *Sweep) Long() bool { return os.Getenv(lengthVariable) == "long" }

// Pick returns sample, or long when all of it is wanted.
func (s *Sweep) Pick(sample, long int) int {
	if s.Long() {
		return long
	}
	return sample
}

// Clone counts a crash clone.
func (s *Sweep) Clone() { s.CloneN(1) }

// CloneN counts n crash clones.
func (s *Sweep) CloneN(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clones += n
}

// Fault counts a fault of the disk that was met.
func (s *Sweep) Fault(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[name]++
}

// Outcome counts how something ended.
func (s *Sweep) Outcome(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes[name]++
}

// Each runs the cases 0 to n-1, as many at once as there are processors, and counts them. A case that returns an error
// fails the test.
func (s *Sweep) Each(n int, run func(i int) error) {
	s.t.Helper()
	if only := os.Getenv(caseVariable); only != "" {
		i, err := strconv.Atoi(only)
		if err != nil {
			s.t.Fatalf("%s=%q: %v", caseVariable, only, err)
		}
		s.one(i, run)
		return
	}
	var group sync.WaitGroup
	numbers := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := range numbers {
				s.one(i, run)
			}
		})
	}
	began := 0
	for ; began < n && !s.givenUp() && !s.late(); began++ {
		numbers <- began
	}
	close(numbers)
	group.Wait()
	if began < n && s.late() {
		s.t.Errorf("the time is up: %d of %d cases were run", began, n)
	}
}

// late reports whether the sweep has to end.
func (s *Sweep) late() bool { return !s.until.IsZero() && time.Now().After(s.until) }

func (s *Sweep) givenUp() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failures >= failuresMax
}

// one runs one case.
func (s *Sweep) one(i int, run func(i int) error) {
	err := run(i)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cases++
	if err != nil {
		s.failures++
		s.t.Errorf("case %d: %v\nrepeat it with %s=%d go test -run '^%s$' in this folder",
			i, err, caseVariable, i, s.t.Name())
	}
}

// finish writes the row.
func (s *Sweep) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cases == 0 || len(s.outcomes) == 0 {
		s.t.Errorf("sweep of %s: %d cases and %d outcomes: nothing was exercised", s.what, s.cases, len(s.outcomes))
	}
	if s.t.Failed() {
		s.outcomes["FAILED"] = max(1, s.failures)
	}
	row := s.row()
	s.t.Log(row)
	if folder := os.Getenv(rowsVariable); folder != "" {
		name := filepath.Join(folder, strings.NewReplacer("/", "_", " ", "_").Replace(s.what)+".row")
		if err := errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(name, []byte(row+"\n"), 0o644)); err != nil {
			s.t.Error(err)
		}
	}
}

// row returns the row of the table, in Markdown: sweep, cases, clones, faults, outcomes, seconds.
func (s *Sweep) row() string {
	return fmt.Sprintf("| %s | %d | %d | %s | %s | %.1f |",
		s.what, s.cases, s.clones, list(s.faults), list(s.outcomes), time.Since(s.began).Seconds())
}

func list(counts map[string]int) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		words = append(words, fmt.Sprintf("%s %d", name, counts[name]))
	}
	if len(words) == 0 {
		return "–"
	}
	return strings.Join(words, ", ")
}
