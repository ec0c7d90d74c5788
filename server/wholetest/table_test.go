package wholetest

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// table counts how damages of the kinds of files ended.
type table struct {
	mu     sync.Mutex
	counts map[string]map[string]int // kind, outcome
}

func (t *table) add(kind, outcome string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts[kind] == nil {
		t.counts[kind] = map[string]int{}
	}
	t.counts[kind][outcome]++
}

// String is the table in Markdown.
func (t *table) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	outcomes := slices.DeleteFunc([]string{refused, stops, lostEnd, dropped, repaired, equal},
		func(outcome string) bool { return !t.had(outcome) })
	var out strings.Builder
	fmt.Fprintf(&out, "| file | damages | %s | silent |\n|---|--:|%s\n", strings.Join(outcomes, " | "),
		strings.Repeat("--:|", len(outcomes)+1))
	for _, kind := range slices.Sorted(maps.Keys(t.counts)) {
		sum := 0
		var cells strings.Builder
		for _, outcome := range outcomes {
			sum += t.counts[kind][outcome]
			fmt.Fprintf(&cells, " %d |", t.counts[kind][outcome])
		}
		fmt.Fprintf(&out, "| `%s` | %d |%s 0 |\n", kind, sum, cells.String())
	}
	return out.String()
}

// had reports whether something ended so.
func (t *table) had(outcome string) bool {
	for _, counts := range t.counts {
		if counts[outcome] > 0 {
			return true
		}
	}
	return false
}

// publish logs the table, and writes it to the file name in results/ when all was swept and nothing was silent.
func (t *table) publish(tb testing.TB, long bool, name string) {
	tb.Helper()
	tb.Log("\n" + t.String())
	if !long || tb.Failed() {
		return
	}
	dir := filepath.Join("..", "..", "results")
	err := os.MkdirAll(dir, 0o755)
	err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(t.String()), 0o644))
	if err != nil {
		tb.Error(err)
	}
}
