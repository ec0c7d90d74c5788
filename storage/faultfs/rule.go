package faultfs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Op is a kind of operation, see the package comment.
type Op string

// Kinds of operations.
const (
	Sync   Op = "sync"
	Write  Op = "write"
	Read   Op = "read"
	Create Op = "create"
	Remove Op = "remove"
	Any    Op = "any"
)

// Ops returns all kinds of operations.
func Ops() []Op { return []Op{Sync, Write, Read, Create, Remove, Any} }

// Action is what a rule does to an operation.
type Action string

// Actions.
const (
	// Delay holds the operation up for Rule.Delay.
	Delay Action = "delay"
	// Stall holds it up until the rules are cleared, or the file system is closed.
	Stall Action = "stall"
	// Error fails it with Rule.Error; nothing is done.
	Error Action = "error"
	// Short writes half of the bytes, and then fails with Rule.Error.
	Short Action = "short"
)

// Actions returns all actions.
func Actions() []Action { return []Action{Delay, Stall, Error, Short} }

// Names of the errors that a rule can give.
const (
	EIO    = "EIO"
	ENOSPC = "ENOSPC"
)

// errorNumber returns the error of a name.
func errorNumber(name string) (syscall.Errno, bool) {
	switch name {
	case EIO:
		return syscall.EIO, true
	case ENOSPC:
		return syscall.ENOSPC, true
	}
	return 0, false
}

// Bounds of rules.
const (
	RulesMax     = 64
	PathBytesMax = 4096
	DelayMax     = time.Hour
	CountMax     = 1 << 40
)

// Duration is a time.Duration that is text in JSON: "20ms".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q, want a duration as in 20ms", text)
	}
	*d = Duration(v)
	return nil
}

// Rule says what happens to which operations.
type Rule struct {
	// Op is the kind of operation. Required.
	Op Op `json:"op" yaml:"op"`
	// Path is a part of the path. Empty: all paths.
	Path string `json:"path,omitempty" yaml:"path,omitempty"`
	// Action is what happens. Required.
	Action Action `json:"action" yaml:"action"`
	// Delay is for how long; with Delay only, and required there.
	Delay Duration `json:"delay,omitzero" yaml:"delay,omitempty"`
	// Error is what the operation fails with, EIO or ENOSPC; with Error and Short only. Defaults: EIO, and ENOSPC with
	// Short.
	Error string `json:"error,omitempty" yaml:"error,omitempty"`
	// After is how many operations are skipped first. Default 0.
	After int64 `json:"after,omitempty" yaml:"after,omitempty"`
	// Count is how many operations the rule acts upon. Default 0: all, for ever.
	Count int64 `json:"count,omitempty" yaml:"count,omitempty"`
}

// WithDefaults returns a copy with every zero field set to its default.
func (r Rule) WithDefaults() Rule {
	if r.Error == "" && r.Action == Error {
		r.Error = EIO
	}
	if r.Error == "" && r.Action == Short {
		r.Error = ENOSPC
	}
	return r
}

// Validate returns all faults of r, which has its defaults, or nil.
func (r Rule) Validate() error {
	var errs []error
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	fault(slices.Contains(Ops(), r.Op), "op: %q, want one of %s", r.Op, list(Ops()))
	fault(slices.Contains(Actions(), r.Action), "action: %q, want one of %s", r.Action, list(Actions()))
	fault(len(r.Path) <= PathBytesMax, "path: %d bytes, want at most %d", len(r.Path), PathBytesMax)
	delay := time.Duration(r.Delay)
	switch r.Action {
	case Delay:
		fault(delay > 0 && delay <= DelayMax, "delay: %v, want more than 0 and at most %v", delay, DelayMax)
	default:
		fault(delay == 0, "delay: %v, want none with action %s", delay, r.Action)
	}
	switch r.Action {
	case Error, Short:
		_, known := errorNumber(r.Error)
		fault(known, "error: %q, want %s or %s", r.Error, EIO, ENOSPC)
	default:
		fault(r.Error == "", "error: %q, want none with action %s", r.Error, r.Action)
	}
	fault(r.Action != Short || r.Op == Write, "op: %q, want %s with action %s", r.Op, Write, Short)
	fault(r.After >= 0 && r.After <= CountMax, "after: %d, want 0 to %d", r.After, int64(CountMax))
	fault(r.Count >= 0 && r.Count <= CountMax, "count: %d, want 0 to %d", r.Count, int64(CountMax))
	return errors.Join(errs...)
}

func list[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return strings.Join(texts, ", ")
}

// RuleState is a rule and what became of it.
type RuleState struct {
	Rule
	// Matched counts the operations that it is for, those included that it skipped or let pass.
	Matched int64 `json:"matched"`
	// Hits counts those that it acted upon.
	Hits int64 `json:"hits"`
	// Waiting is how many it holds up now.
	Waiting int64 `json:"waiting"`
}
