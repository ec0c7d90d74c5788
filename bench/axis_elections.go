package bench

import (
	"fmt"
	"strings"
)

// electionAxis sets all times of an election from one text, as an axis of settings needs them:
// "150ms..300ms/75ms" is the minimum, the maximum and the heartbeat.
type electionAxis struct{ scenario *Scenario }

// UnmarshalText sets the times.
func (t electionAxis) UnmarshalText(text []byte) error {
	wrong := fmt.Errorf("%q is not MIN..MAX/HEARTBEAT, such as 150ms..300ms/75ms", text)
	bounds, heartbeat, ok := strings.Cut(string(text), "/")
	if !ok {
		return wrong
	}
	low, high, ok := strings.Cut(bounds, "..")
	if !ok {
		return wrong
	}
	var least, most, beat Duration
	for _, part := range []struct {
		into *Duration
		text string
	}{{&least, low}, {&most, high}, {&beat, heartbeat}} {
		if err := part.into.UnmarshalText([]byte(part.text)); err != nil {
			return wrong
		}
	}
	t.scenario.Election, t.scenario.Heartbeat = Election{Min: least, Max: most}, beat
	return nil
}
