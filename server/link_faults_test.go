package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/raftmark/raftmark/raft"
	linkfaults "github.com/raftmark/raftmark/transport/faults"
)

func overTCP(c *Config) {
	c.Transport, c.PeerTransport, c.PeerListen, c.EnableFaults = TransportTCP, nil, "127.0.0.1:0", true
}

func linkRulesOf(t *testing.T, text string) []linkfaults.RuleState {
	t.Helper()
	var answer FaultsAnswer
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Node != 1 || answer.Links == nil {
		t.Fatalf("got %s, %v", text, err)
	}
	return answer.Links
}

func TestLinkFaultsThroughTheAdminPort(t *testing.T) {
	n := alone(t, func(c *Config) {
		overTCP(c)
		c.LinkFaults = []linkfaults.Rule{{
			Name: "arm", Direction: linkfaults.Out, Action: linkfaults.Delay, Delay: linkfaults.Duration(5e6),
		}}
	})
	call := func(method, path, body string, want ...string) string {
		t.Helper()
		status, text := adminCall(t, n, method, path, body)
		if status != http.StatusOK {
			t.Fatalf("%s %s %s = %d, %s", method, path, body, status, text)
		}
		var names []string
		for _, r := range linkRulesOf(t, text) {
			names = append(names, r.Name)
		}
		if got := strings.Join(names, " "); got != strings.Join(want, " ") {
			t.Errorf("%s %s: rules %q, want %q", method, path, got, want)
		}
		return text
	}
	text := call(http.MethodGet, "/faults", "", "arm")
	if r := linkRulesOf(t, text)[0]; r.Level != linkfaults.ConnectionLevel || !strings.Contains(text, `"delay": "5ms"`) {
		t.Errorf("got %+v from %s", r, text)
	}
	call(http.MethodPost, "/faults/links", `{"rules":[{"name":"a","direction":"both","action":"cut"},
		{"name":"b","peer":2,"direction":"in","lane":"append","action":"drop","probability":0.01}]}`, "arm", "a", "b")
	call(http.MethodDelete, "/faults/links?name=a", "", "arm", "b")
	call(http.MethodDelete, "/faults/disk", "", "arm", "b")
	for want, body := range map[string]string{
		"rules[0].direction":       `{"rules":[{"action":"cut"}]}`,
		"rules[1].delay: 0s, want": `{"rules":[{"direction":"in","action":"cut"},{"direction":"in","action":"delay"}]}`,
		`unknown field`:            `{"rules":[{"direction":"in","action":"cut","line":"append"}]}`,
		"rules: none, want":        `{"rules":[]}`,
	} {
		if status, text := adminCall(t, n, http.MethodPost, "/faults/links", body); status != http.StatusBadRequest ||
			!strings.Contains(text, want) {
			t.Errorf("POST %s = %d, %s, want 400 with %q", body, status, text, want)
		}
	}
	call(http.MethodDelete, "/faults/links", "")
	if n.Status().Config.EnableFaults != true {
		t.Error("the status does not say that faults are enabled")
	}
}

func TestNoLinkFaultsUnlessEnabledAndThere(t *testing.T) {
	body := `{"rules":[{"direction":"both","action":"cut"}]}`
	off := alone(t, func(c *Config) { overTCP(c); c.EnableFaults = false })
	if status, text := adminCall(t, off, http.MethodPost, "/faults/links", body); status != http.StatusNotFound ||
		!strings.Contains(text, "--enable-faults") || off.links != nil {
		t.Errorf("without the flag: %d, %s", status, text)
	}
	inMemory := alone(t, withFaults)
	if status, text := adminCall(t, inMemory, http.MethodPost, "/faults/links", body); status != http.StatusNotFound ||
		!strings.Contains(text, "transport mem has no link faults") {
		t.Errorf("in memory: %d, %s", status, text)
	}
	cut := []linkfaults.Rule{{Direction: linkfaults.Both, Action: linkfaults.Cut}}
	for want, c := range map[string]Config{
		"want none unless enable_faults": {Transport: TransportTCP, LinkFaults: cut},
		"want none with transport mem":   {Transport: TransportMem, LinkFaults: cut, EnableFaults: true},
		"rules[0].lane": {Transport: TransportQUIC, EnableFaults: true, LinkFaults: []linkfaults.Rule{{
			Direction: linkfaults.Both, Action: linkfaults.Cut, Lane: "append",
		}}},
	} {
		c.Node, c.Peers = 1, map[raft.NodeID]Peer{1: {Peer: "127.0.0.1:1"}}
		if err := c.WithDefaults().Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c.LinkFaults, err, want)
		}
	}
}
