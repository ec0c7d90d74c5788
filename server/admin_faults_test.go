package server

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/raftmark/raftmark/storage/faultfs"
)

// alone starts a cluster of one node, on disk.
func alone(t *testing.T, change func(*Config)) *Node {
	t.Helper()
	nodes := startCluster(t, 1, func(c *Config) {
		c.LogStorage = StoragePebble
		c.Raft.SnapshotLogBytes = -1
		if change != nil {
			change(c)
		}
	})
	return nodes[1]
}

func withFaults(c *Config) { c.EnableFaults = true }

// adminCall makes a request to the admin port.
func adminCall(t *testing.T, n *Node, method, path, body string) (status int, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://"+n.AdminAddr()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// client returns a Redis client that asks once.
func client(t *testing.T, n *Node) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{
		Addr: n.ClientAddr(), MaxRetries: -1, ReadTimeout: patience, WriteTimeout: patience, DisableIdentity: true,
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func rulesOf(t *testing.T, n *Node) []faultfs.RuleState {
	t.Helper()
	status, text := adminCall(t, n, http.MethodGet, "/faults", "")
	var answer FaultsAnswer
	if err := json.Unmarshal([]byte(text), &answer); err != nil || status != http.StatusOK || answer.Node != 1 {
		t.Fatalf("GET /faults = %d, %s, %v", status, text, err)
	}
	return answer.Rules
}

func TestNoFaultsUnlessEnabled(t *testing.T) {
	n := alone(t, nil)
	for path, method := range map[string]string{"/faults": http.MethodGet, "/faults/disk": http.MethodPost} {
		status, text := adminCall(t, n, method, path, `{"rules":[{"op":"sync","action":"stall"}]}`)
		if status != http.StatusNotFound || !strings.Contains(text, "--enable-faults") {
			t.Errorf("%s %s = %d, %s, want 404 with the flag's name", method, path, status, text)
		}
	}
	if status, _ := adminCall(t, n, http.MethodDelete, "/faults/disk", ""); status != http.StatusNotFound {
		t.Errorf("DELETE = %d, want 404", status)
	}
}

// A stalled disk acknowledges nothing; when it is let go, everything.
func TestStallOfTheDiskThroughTheAdminPort(t *testing.T) {
	n := alone(t, withFaults)
	c := client(t, n)
	if err := c.Set(t.Context(), "before", "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if rules := rulesOf(t, n); len(rules) != 0 {
		t.Fatalf("rules at the start: %v", rules)
	}
	status, text := adminCall(t, n, http.MethodPost, "/faults/disk",
		`{"rules":[{"op":"sync","path":"log/","action":"stall"}]}`)
	if status != http.StatusOK || !strings.Contains(text, `"action": "stall"`) {
		t.Fatalf("POST = %d, %s", status, text)
	}
	answered := make(chan error, 1)
	go func() { answered <- c.Set(t.Context(), "during", "2", 0).Err() }()
	eventually(t, "a sync waits", func() bool { r := rulesOf(t, n)[0]; return r.Hits > 0 && r.Waiting > 0 })
	select {
	case err := <-answered:
		t.Fatalf("answered while the disk stalls: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if status, text := adminCall(t, n, http.MethodDelete, "/faults/disk", ""); status != http.StatusOK {
		t.Fatalf("DELETE = %d, %s", status, text)
	}
	if err := <-answered; err != nil {
		t.Errorf("after the stall: %v", err)
	}
	if rules := rulesOf(t, n); len(rules) != 0 {
		t.Errorf("rules after DELETE: %v", rules)
	}
}

func TestFaultyFaultsAreRefused(t *testing.T) {
	n := alone(t, withFaults)
	for want, body := range map[string]string{
		"rules[0].op":                 `{"rules":[{"op":"flush","action":"stall"}]}`,
		"rules[1].delay: 0s, want":    `{"rules":[{"op":"sync","action":"stall"},{"op":"sync","action":"delay"}]}`,
		`want a duration as in 20ms`:  `{"rules":[{"op":"sync","action":"delay","delay":"soon"}]}`,
		`unknown field \"path_part\"`: `{"rules":[{"op":"sync","action":"stall","path_part":"x"}]}`,
		"rules: none, want":           `{"rules":[]}`,
	} {
		if status, text := adminCall(t, n, http.MethodPost, "/faults/disk", body); status != http.StatusBadRequest ||
			!strings.Contains(text, want) {
			t.Errorf("POST %s = %d, %s, want 400 with %q", body, status, text, want)
		}
	}
	if rules := rulesOf(t, n); len(rules) != 0 {
		t.Errorf("refused rules left %v", rules)
	}
}

// A node that is told to stop does so while its disk stalls.
func TestStopLetsGoWhatIsStalled(t *testing.T) {
	n := alone(t, withFaults)
	if err := n.faults.Add(faultfs.Rule{Op: faultfs.Sync, Action: faultfs.Stall}); err != nil {
		t.Fatal(err)
	}
	c := client(t, n)
	go func() { _ = c.Set(t.Context(), "key", "value", 0).Err() }()
	eventually(t, "a sync waits", func() bool { return n.faults.Rules()[0].Waiting > 0 })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- n.Stop(ctx) }()
	select {
	case err := <-stopped:
		if err != nil {
			t.Error(err)
		}
	case <-ctx.Done():
		t.Fatal("the node does not stop")
	}
}
