package bench

import (
	"encoding"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/raftmark/raftmark/server"
)

// UnmarshalYAML decodes a scalar; its errors know their line.
func (d *Duration) UnmarshalYAML(node ast.Node) error { return decodeUnit(d, node) }

// UnmarshalYAML decodes a scalar; its errors know their line.
func (s *Size) UnmarshalYAML(node ast.Node) error { return decodeUnit(s, node) }

// UnmarshalYAML decodes a scalar; its errors know their line.
func (r *Rate) UnmarshalYAML(node ast.Node) error { return decodeUnit(r, node) }

// UnmarshalYAML decodes a scalar; its errors know their line.
func (l *StallLimit) UnmarshalYAML(node ast.Node) error { return decodeUnit(l, node) }

// unitError is a scalar that is not what its field wants.
type unitError struct {
	line  int
	field string
	err   error
}

// Error implements error.
func (e *unitError) Error() string { return fmt.Sprintf("%s: %v", e.field, e.err) }

func decodeUnit(into encoding.TextUnmarshaler, node ast.Node) error {
	if err := into.UnmarshalText([]byte(node.String())); err != nil {
		return &unitError{
			line: node.GetToken().Position.Line, field: strings.TrimPrefix(node.GetPath(), "$."), err: err,
		}
	}
	return nil
}

// Duration is a time.Duration that scenarios write as text: "50ms".
type Duration time.Duration

// String returns the duration as scenarios write it.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(clean(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 250ms or 10s", clean(text))
	}
	*d = Duration(parsed)
	return nil
}

// Size is a number of bytes that scenarios write as a number or with a unit: 128, "256B", "4KiB".
type Size int

// String returns the size as scenarios write it.
func (s Size) String() string { return strconv.Itoa(int(s)) + "B" }

// MarshalText implements encoding.TextMarshaler.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Size) UnmarshalText(text []byte) error {
	number, unit := clean(text), 1
	units := []struct {
		suffix string
		bytes  int
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"kB", 1000}, {"MB", 1000 * 1000}, {"B", 1}}
	for _, u := range units {
		if rest, ok := strings.CutSuffix(number, u.suffix); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	parsed, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		return fmt.Errorf("%q is not a size such as 128, 256B or 4KiB", clean(text))
	}
	*s = Size(int(parsed) * unit)
	return nil
}

// Rate is a number of operations a second that scenarios write as a number or with its unit: 2000, "2000/s".
type Rate float64

// String returns the rate as scenarios write it.
func (r Rate) String() string { return strconv.FormatFloat(float64(r), 'f', -1, 64) + "/s" }

// MarshalText implements encoding.TextMarshaler.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rate) UnmarshalText(text []byte) error {
	parsed, err := strconv.ParseFloat(strings.TrimSuffix(clean(text), "/s"), 64)
	if err != nil {
		return fmt.Errorf("%q is not a rate such as 2000 or 2000/s", clean(text))
	}
	*r = Rate(parsed)
	return nil
}

// StallLimit is a server.StallLimit: a duration, or "off".
type StallLimit server.StallLimit

// String returns the limit as scenarios write it.
func (l StallLimit) String() string { return server.StallLimit(l).String() }

// MarshalText implements encoding.TextMarshaler.
func (l StallLimit) MarshalText() ([]byte, error) { return server.StallLimit(l).MarshalText() }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *StallLimit) UnmarshalText(text []byte) error {
	return (*server.StallLimit)(l).UnmarshalText([]byte(clean(text)))
}

// clean strips what YAML may leave around a scalar.
func clean(text []byte) string { return strings.Trim(strings.TrimSpace(string(text)), `"'`) }
