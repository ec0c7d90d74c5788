package main

import (
	"strings"
	"testing"
)

// Within a section the descriptions are in one column, however long the names are.
func TestListIsAligned(t *testing.T) {
	column := 0
	for line := range strings.Lines(wantRun(t, 0, "snapshot-catch-up", "list")) {
		name, description, row := strings.Cut(strings.TrimPrefix(line, "  "), " ")
		if !row || !strings.HasPrefix(line, "  ") || strings.HasSuffix(name, ",") {
			column = 0
			continue
		}
		at := len(line) - len(strings.TrimLeft(description, " "))
		if column != 0 && at != column {
			t.Errorf("%q begins at column %d, want %d", description, at, column)
		}
		column = at
	}
}
