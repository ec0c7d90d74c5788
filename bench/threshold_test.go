package bench

import (
	"strings"
	"testing"

	"github.com/raftmark/raftmark/bench/result"
)

func TestThresholds(t *testing.T) {
	value := func(v float64) *float64 { return &v }
	arm := result.Arm{
		Name:   "transport=tcp",
		Steady: &result.Steady{ResponseUs: result.Quantiles{N: 1000, P50: value(900), P99: value(4000)}},
		Faults: []result.FaultSummary{
			{Kind: "noop", OutageMs: result.Quantiles{N: 6, P50: value(3)}},
			{Kind: "leader-kill", OutageMs: result.Quantiles{N: 10, P50: value(420), Max: value(700)}},
		},
	}
	for text, want := range map[string]Held{
		"outage.p50<800ms": HeldYes, "outage.p50<400ms": HeldNo, "outage.max>600ms": HeldYes,
		"outage.p95<800ms": HeldUnknown, "response.p99<5ms": HeldYes, "response.p99 < 4ms": HeldNo,
		"leaderless.p50<1s": HeldUnknown,
	} {
		threshold, err := ParseThreshold(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, sentence := threshold.Check(arm); got != want || !strings.Contains(sentence, arm.Name) {
			t.Errorf("%s: got %s (%s), want %s", text, got, sentence, want)
		}
	}
}

// Trap T11: a gate with a slip in its name must not pass for ever.
func TestMisspeltThresholdIsAnError(t *testing.T) {
	for _, text := range []string{
		"outgae.p50<1s", "outage.p42<1s", "outage.p50<soon",
		"outage.p50", "outage.p50<=1s", "outage.p50<0s",
	} {
		if _, err := ParseThreshold(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}
