package reports

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// flatten turns nested options into dotted keys in lower case, in order.
func flatten(options map[string]any) map[string]any {
	flat := map[string]any{}
	var walk func(prefix string, value any)
	walk = func(prefix string, value any) {
		if nested, ok := value.(map[string]any); ok {
			for key, value := range nested {
				walk(strings.ToLower(prefix+key)+".", value)
			}
			return
		}
		flat[strings.TrimSuffix(prefix, ".")] = value
	}
	walk("", options)
	return flat
}

// duration returns the first of the named options that is a duration, in milliseconds; 0 when none is. A number is of
// the unit that its name ends with, else nanoseconds.
func duration(options map[string]any, names ...string) float64 {
	flat := flatten(options)
	for _, name := range names {
		switch v := flat[name].(type) {
		case string:
			if d, err := time.ParseDuration(v); err == nil {
				return float64(d) / float64(time.Millisecond)
			}
		case float64:
			switch {
			case strings.HasSuffix(name, "_ms"):
				return v
			case strings.HasSuffix(name, "_us"):
				return v / 1e3
			default:
				return v / float64(time.Millisecond)
			}
		}
	}
	return 0
}

// electionMin returns the shortest election timeout of an arm in milliseconds; 0 when it is not known.
func electionMin(options map[string]any) float64 {
	return duration(options, "election.min", "election_min", "election_timeout_min", "election_timeout_ms",
		"election_timeout", "electiontimeout", "electiontimeoutmin", "node.election.min")
}

// heartbeat returns the heartbeat interval of an arm in milliseconds; 0 when it is not known.
func heartbeat(options map[string]any) float64 {
	return duration(options, "heartbeat", "heartbeat_ms", "heartbeat_interval", "node.heartbeat")
}

// clientTimeout returns when a client of an arm gives an operation up, in milliseconds; 0 when it is not known.
func clientTimeout(options map[string]any) float64 {
	return duration(options, "load.timeout", "timeout", "timeout_ms")
}

// optionLines lists the options of an arm, one a line, in order.
func optionLines(options map[string]any) []string {
	flat := flatten(options)
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(flat)) {
		lines = append(lines, fmt.Sprintf("%s = %v", key, flat[key]))
	}
	return lines
}

// description returns the scenario's own sentence about itself.
func description(scenario []byte) string {
	for line := range strings.Lines(string(scenario)) {
		if text, ok := strings.CutPrefix(line, "description:"); ok {
			return strings.Trim(strings.TrimSpace(text), `"'`)
		}
	}
	return ""
}
