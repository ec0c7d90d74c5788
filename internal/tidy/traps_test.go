package tidy

import (
	"bytes"
	"fmt"
	"regexp"
	"testing"
)

// trapRow matches a row of the table of traps, and what stands in its last column.
var trapRow = regexp.MustCompile(`(?m)^\| (T\d+) \|[^|]*\|([^|]*)\|$`)

// TestEveryTrapHasATest reads the table of traps in docs/methodology.md: each row names a test. That the tests exist is
// the rule of mentions.
func TestEveryTrapHasATest(t *testing.T) {
	const page, traps = "docs/methodology.md", 13
	tests := map[string]int{}
	for _, text := range repository(t).Texts {
		if text.Path != page {
			continue
		}
		for _, row := range trapRow.FindAllSubmatch(text.Src, -1) {
			tests[string(row[1])] = len(testMention.FindAll(bytes.TrimSpace(row[2]), -1))
		}
	}
	for n := 1; n <= traps; n++ {
		if name := fmt.Sprintf("T%d", n); tests[name] == 0 {
			t.Errorf("%s: trap %s names no test", page, name)
		}
	}
	if len(tests) != traps {
		t.Errorf("%s: %d traps, want %d", page, len(tests), traps)
	}
}
