package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/reports/resulttest"
)

// trace runs raftmark trace and returns the data file of its first figure.
func trace(t *testing.T, args ...string) (printed, data string) {
	t.Helper()
	out := t.TempDir()
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), append([]string{"trace", "-o", out}, args...), &stdout, &stderr); code != 0 {
		t.Fatalf("trace %v: exit %d: %s", args, code, &stderr)
	}
	files, err := filepath.Glob(filepath.Join(out, "*.csv"))
	if err != nil || len(files) == 0 {
		t.Fatalf("trace %v wrote no data: %v", args, err)
	}
	for _, name := range files {
		for _, extension := range []string{".svg", ".png"} {
			info, err := os.Stat(strings.TrimSuffix(name, ".csv") + extension)
			if err != nil || info.Size() == 0 {
				t.Errorf("no %s beside %s: %v", extension, name, err)
			}
		}
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return stdout.String(), string(text)
}

func wants(t *testing.T, what, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s: want %q in\n%.2000s", what, w, text)
		}
	}
}

func TestTraceOfAScript(t *testing.T) {
	path := filepath.Join(repository, "raft", "testdata", "split_vote.txt")
	printed, data := trace(t, "--script", path)
	wants(t, "title", printed, "split_vote")
	wants(t, "data", data, "message,1,3,", "PreVote", ",rejected", "role,1,", "leader", "timeout 1")
	_, again := trace(t, "--script", path)
	if again != data {
		t.Error("drawn again, the data differ")
	}
}

func TestTraceOfASeed(t *testing.T) {
	printed, data := trace(t, "--seed", "3", "--seconds", "5")
	wants(t, "title", printed, "seed 3")
	wants(t, "data", data, "message,", "role,", "leader")
	_, part := trace(t, "--seed", "3", "--seconds", "5", "--from", "1s", "--to", "1100ms", "--messages", "1000000")
	for _, line := range strings.Split(strings.TrimSpace(part), "\n")[1:] {
		fields := strings.Split(line, ",")
		if at, err := strconv.ParseFloat(fields[3], 64); fields[0] != "message" && (err != nil || at < 1000 || at > 1100) {
			t.Errorf("outside of 1000 to 1100 ms: %s", line)
		}
	}
}

func TestTraceOfATrial(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fixture")
	if err := resulttest.Write(dir, resulttest.Options{Trials: 3, Noops: 1, RatePS: 100, SteadyS: 1}); err != nil {
		t.Fatal(err)
	}
	printed, data := trace(t, dir)
	wants(t, "title", printed, "the median outage of 6 trials", "the longest outage of 6 trials")
	wants(t, "data", data, "role,", "killed", "answer,")
	if strings.Contains(data, "message,") {
		t.Error("a message was drawn that nobody recorded")
	}
	printed, _ = trace(t, dir, "--trial", "2", "--arm", "transport=quic")
	wants(t, "title", printed, "trial 2 of transport=quic")
}

func TestTraceRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fixture")
	if err := resulttest.Write(dir, resulttest.Options{Trials: 1, Noops: 1, RatePS: 50, SteadyS: 1}); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{}, {dir, "--seed", "1"}, {dir, "--trial", "99"}, {dir, "--trial", "0"}, {"nowhere"}, {"--script", "nowhere"},
		{"--seed", "1", "--from", "2s", "--to", "1s"}, {"--seed", "1", "--seconds", "1", "--from", "99999s"},
		{"--script", "main.go"}, {"--seed", "1", "--trial", "2"}, {dir, "--from", "1s"},
	} {
		var stdout, stderr bytes.Buffer
		out := t.TempDir()
		if code := run(context.Background(), append([]string{"trace", "-o", out}, args...), &stdout, &stderr); code != 2 {
			t.Errorf("trace %v: exit %d, want 2: %s%s", args, code, &stdout, &stderr)
		}
	}
}
