package main

import (
	"strings"
	"testing"
)

func TestVersionNamesTheToolchain(t *testing.T) {
	code, stdout, _ := raftmarkRun(t.Context(), "--version")
	if code != 0 || !strings.HasPrefix(stdout, "raftmark version ") || !strings.Contains(stdout, ", go") {
		t.Errorf("got exit code %d and %q, want 0 and the version", code, stdout)
	}
}
