package claims

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/raftmark/raftmark/reports/stat"
)

// step is one step of a path: a field, a selection, or a function over a list.
type step struct {
	field    string
	selector string // between brackets
	call     string // of the function named field: what is between its parentheses
	isCall   bool
}

// parsePath cuts "run.arms[transport=tcp].steady" into its steps.
func parsePath(text string) ([]step, error) {
	var steps []step
	for rest, first := text, true; rest != ""; first = false {
		if rest[0] == '[' {
			end := closingBracket(rest)
			if end < 0 || first {
				return nil, fmt.Errorf("%q: a bracket that selects from nothing, or has no end", text)
			}
			steps = append(steps, step{selector: rest[1:end]})
			rest = rest[end+1:]
			continue
		}
		if !first {
			if rest[0] != '.' {
				return nil, fmt.Errorf("%q: a dot is missing before %q", text, rest)
			}
			rest = rest[1:]
		}
		n := strings.IndexAny(rest, ".[(")
		if n < 0 {
			n = len(rest)
		}
		s := step{field: rest[:n]}
		if rest = rest[n:]; strings.HasPrefix(rest, "(") {
			end := strings.IndexByte(rest, ')')
			if end < 0 {
				return nil, fmt.Errorf("%q: a parenthesis has no end", text)
			}
			s.call, s.isCall, rest = rest[1:end], true, rest[end+1:]
		}
		if s.field == "" {
			return nil, fmt.Errorf("%q: an empty field", text)
		}
		steps = append(steps, s)
	}
	if len(steps) == 0 {
		return nil, errors.New("an empty path")
	}
	return steps, nil
}

// closingBracket finds the end of a selection, outside of quotes.
func closingBracket(text string) int {
	quoted := false
	for i, r := range text {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ']' && !quoted:
			return i
		}
	}
	return -1
}

// walk takes the steps from a node: a map, a list, a *lazy, or a scalar.
func walk(node any, steps []step) (any, error) {
	for _, s := range steps {
		var err error
		if node, err = s.take(node); err != nil {
			return nil, err
		}
	}
	return load(node)
}

// lazy is a node that is read when it is asked for.
type lazy func() (any, error)

func load(node any) (any, error) {
	if later, ok := node.(lazy); ok {
		return later()
	}
	return node, nil
}

func (s step) take(node any) (any, error) {
	node, err := load(node)
	if err != nil {
		return nil, err
	}
	if s.selector != "" || s.field == "" {
		return s.choose(node)
	}
	list, isList := node.([]any)
	if isList && (s.isCall || s.field == "count") {
		return s.aggregate(list)
	}
	if isList {
		if len(list) != 1 {
			return nil, fmt.Errorf("%s of a list of %d elements: choose one with [NAME]", s.field, len(list))
		}
		node = list[0]
	}
	fields, ok := node.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("there is no %s in a value that has no fields", s.field)
	}
	value, ok := fields[s.field]
	if !ok {
		return nil, fmt.Errorf("there is no field %s", s.field)
	}
	return value, nil
}

// choose returns the elements of a list, or the part of a map, that the selector names.
func (s step) choose(node any) (any, error) {
	if sections, ok := node.(sections); ok {
		return sections.section(s.selector)
	}
	list, ok := node.([]any)
	if !ok {
		return nil, fmt.Errorf("[%s] of what is not a list", s.selector)
	}
	for _, key := range []string{"name", "kind"} {
		var named []any
		for _, element := range list {
			if fields, ok := element.(map[string]any); ok && fields[key] == s.selector {
				named = append(named, element)
			}
		}
		if len(named) > 0 {
			return named, nil
		}
	}
	conditions, err := parseConditions(s.selector)
	if err != nil {
		return nil, err
	}
	chosen := []any{}
	for _, element := range list {
		fits, err := conditions.fit(element)
		if err != nil {
			return nil, err
		}
		if fits {
			chosen = append(chosen, element)
		}
	}
	return chosen, nil
}

// aggregate applies the function to the field of each element.
func (s step) aggregate(list []any) (any, error) {
	if s.field == "count" && !s.isCall {
		return json.Number(strconv.Itoa(len(list))), nil
	}
	steps, err := parsePath(s.call)
	if err != nil {
		return nil, err
	}
	var values []float64
	var sum float64
	for i, element := range list {
		value, err := walk(element, steps)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i+1, err)
		}
		x, err := numberOf(value)
		if err == nil && x == -1 {
			err = errors.New("it was not observed (-1)")
		}
		if err != nil {
			return nil, fmt.Errorf("element %d, %s: %w", i+1, s.call, err)
		}
		values = append(values, x)
		sum += x
	}
	sample := stat.Sorted(values)
	var x float64
	var enough bool
	switch s.field {
	case "sum":
		x, enough = sum, len(values) > 0
	case "min":
		x, enough = sample.Min()
	case "max":
		x, enough = sample.Max()
	case "median":
		if enough = len(values) > 0; enough {
			x = sample.OrderStatistic(.5)
		}
	default:
		return nil, fmt.Errorf("there is no function %s: count, sum, min, max, median", s.field)
	}
	if !enough {
		return nil, fmt.Errorf("%s of no element", s.field)
	}
	return json.Number(strconv.FormatFloat(x, 'g', -1, 64)), nil
}
