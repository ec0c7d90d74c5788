package bench

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Arm is one combination of a scenario's axes.
type Arm struct {
	Name     string // "transport=tcp", axes in alphabetical order
	Scenario Scenario
}

// setters says how each axis key sets its field from text. A pointer result is decoded into.
func setters(s *Scenario) map[string]any {
	backlogEntries := new(int)
	if s.Course != nil {
		backlogEntries = &s.Course.Backlog.Entries
	}
	return map[string]any{
		"backlog_entries": backlogEntries,
		"durability":      durabilityAxis{s},

		"nodes":        &s.Nodes,
		"transport":    &s.Transport,
		"log":          &s.Log,
		"machine":      &s.Machine,
		"sync":         &s.Sync,
		"tracing":      &s.Tracing,
		"heartbeat":    &s.Heartbeat,
		"tick":         &s.Tick,
		"election":     electionAxis{s},
		"election.min": &s.Election.Min,
		"election.max": &s.Election.Max,
		"rate":         &s.Load.Rate,
		"schedule":     &s.Load.Schedule,
		"payload":      &s.Load.Payload,
		"keys":         &s.Load.Keys,
		"key_dist":     &s.Load.KeyDist,
		"read_share":   &s.Load.ReadShare,
		"max_inflight": &s.Load.MaxInflight,
		"timeout":      &s.Load.Timeout,

		"congestion":          &s.Congestion,
		"append_streams":      &s.AppendStreams,
		"heartbeat_datagrams": &s.HeartbeatDatagrams,

		"sync_delay":     &s.SyncDelay,
		"link.delay":     &s.Link.Delay,
		"link.jitter":    &s.Link.Jitter,
		"link.loss":      &s.Link.Loss,
		"link.bandwidth": &s.Link.Bandwidth,

		"slow_follower":           &s.SlowFollower,
		"disk_stall_max":          &s.DiskStallMax,
		"disk_delay":              &s.DiskDelay,
		"adaptive_window":         &s.Raft.AdaptiveWindow,
		"system":                  &s.System,
		"disconnect_hints":        &s.Raft.DisconnectHints,
		"message_entries_max":     &s.Raft.MessageEntriesMax,
		"uncommitted_entries_max": &s.Raft.UncommittedEntriesMax,
		"inflight_messages_max":   &s.Raft.InflightMessagesMax,
		"inflight_bytes_max":      &s.Raft.InflightBytesMax,
		"message_bytes_max":       &s.Raft.MessageBytesMax,
		"snapshot_log_entries":    &s.Raft.SnapshotLogEntries,
		"snapshot_log_bytes":      &s.Raft.SnapshotLogBytes,
		"snapshot_inflight_bytes": &s.Raft.SnapshotInflightBytes,
	}
}

// AxisKeys returns the keys that may be an axis.
func AxisKeys() []string { return slices.Sorted(maps.Keys(setters(&Scenario{}))) }

// Set sets the field that key names from text. Set("payload", "256B") also sets the payload of a closed loop,
// or the one size of an exchange.
func (s *Scenario) Set(key, text string) error {
	target, ok := setters(s)[key]
	if !ok {
		return &FieldError{Field: "axes." + key, Value: quoted(text),
			Bound: "an axis that exists: " + strings.Join(AxisKeys(), ", ")}
	}
	if err := setText(target, text); err != nil {
		return &FieldError{Field: "axes." + key, Value: quoted(text), Bound: err.Error()}
	}
	if key == "payload" && s.Closed != nil {
		s.Closed.Payload = s.Load.Payload
	}
	if key == "payload" && s.Exchange != nil {
		s.Exchange.Sizes = []Size{s.Load.Payload}
	}
	return nil
}

func setText(target any, text string) error {
	var err error
	switch t := target.(type) {
	case *string:
		*t = text
	case *bool:
		if *t, err = strconv.ParseBool(text); err != nil {
			return errors.New("true or false")
		}
	case *int:
		if *t, err = strconv.Atoi(text); err != nil {
			return errors.New("a whole number")
		}
	case *float64:
		if *t, err = strconv.ParseFloat(text, 64); err != nil {
			return errors.New("a number")
		}
	case encoding.TextUnmarshaler:
		if err = t.UnmarshalText([]byte(text)); err != nil {
			_, kind, _ := strings.Cut(err.Error(), "is not ")
			return errors.New(kind)
		}
	}
	return nil
}

// Axis adds or replaces the axis in text, "transport=tcp,quic". One value is not an axis: it only sets the field.
func (s *Scenario) Axis(text string) error {
	key, list, ok := strings.Cut(text, "=")
	if !ok || list == "" {
		return fmt.Errorf("axis %q: must be key=value,value,... with a key of %s", text,
			strings.Join(AxisKeys(), ", "))
	}
	values := strings.Split(list, ",")
	trial := s.Clone()
	for _, value := range values {
		if err := trial.Set(key, value); err != nil {
			return err
		}
	}
	if len(values) == 1 {
		delete(s.Axes, key)
		return s.Set(key, values[0])
	}
	if s.Axes == nil {
		s.Axes = map[string][]string{}
	}
	s.Axes[key] = values
	return nil
}

// Arms returns all combinations of the scenario's axes, valid each, in a fixed order. others are as in
// [Scenario.Validate].
func Arms(s Scenario, others ...string) ([]Arm, error) {
	arms := []Arm{{Scenario: s.Clone()}}
	arms[0].Scenario.Axes = nil
	for _, key := range slices.Sorted(maps.Keys(s.Axes)) {
		values := s.Axes[key]
		if len(values) == 0 {
			return nil, &FieldError{Field: "axes." + key, Value: "empty", Bound: "a list of one value or more"}
		}
		var next []Arm
		for _, arm := range arms {
			for i, value := range values {
				if slices.Contains(values[:i], value) {
					return nil, &FieldError{Field: "axes." + key, Value: quoted(value), Bound: "listed once"}
				}
				varied := arm.Scenario.Clone()
				if err := varied.Set(key, value); err != nil {
					return nil, err
				}
				name := strings.TrimPrefix(arm.Name+","+key+"="+value, ",")
				next = append(next, Arm{Name: name, Scenario: varied})
			}
		}
		arms = next
		if len(arms) > armsMax {
			return nil, &FieldError{Field: "axes", Value: len(arms), Bound: fmt.Sprintf("at most %d arms", armsMax)}
		}
	}
	if arms[0].Name == "" {
		arms[0].Name = "transport=" + s.Transport
	}
	for _, arm := range arms {
		if err := arm.Scenario.Validate(others...); err != nil {
			return nil, fmt.Errorf("arm %s: %w", arm.Name, err)
		}
	}
	return arms, nil
}
