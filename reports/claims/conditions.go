package claims

import (
	"fmt"
	"strconv"
	"strings"
)

// condition is one of the comparisons between brackets.
type condition struct {
	path     []step
	operator string
	value    string
}

type conditions []condition

// operators in the order in which they are looked for at one place.
func operators() []string { return []string{"<=", ">=", "!=", "=", "<", ">"} }

func parseConditions(text string) (conditions, error) {
	var all conditions
	for _, part := range splitOutsideQuotes(text) {
		part = strings.TrimSpace(part)
		c, err := parseCondition(part)
		if err != nil {
			return nil, fmt.Errorf("[%s]: %w", text, err)
		}
		all = append(all, c)
	}
	return all, nil
}

func parseCondition(text string) (condition, error) {
	at := strings.IndexAny(text, "=<>!")
	if at <= 0 {
		return condition{}, fmt.Errorf("no element is named so, and %q is no comparison", text)
	}
	path, err := parsePath(strings.TrimSpace(text[:at]))
	if err != nil {
		return condition{}, err
	}
	for _, operator := range operators() {
		if rest, ok := strings.CutPrefix(text[at:], operator); ok {
			value := strings.TrimSpace(rest)
			if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
				value = value[1 : len(value)-1]
			}
			return condition{path: path, operator: operator, value: value}, nil
		}
	}
	return condition{}, fmt.Errorf("%q is no comparison", text)
}

func splitOutsideQuotes(text string) []string {
	var parts []string
	quoted, from := false, 0
	for i, r := range text {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ',' && !quoted:
			parts, from = append(parts, text[from:i]), i+1
		}
	}
	return append(parts, text[from:])
}

// fit says whether all conditions hold for the element.
func (all conditions) fit(element any) (bool, error) {
	for _, c := range all {
		node, err := walk(element, c.path)
		if err != nil {
			return false, err
		}
		if node == nil { // null is neither more nor less than anything, and equal to nothing
			return false, nil
		}
		holds, err := c.holds(node)
		if err != nil || !holds {
			return false, err
		}
	}
	return true, nil
}

func (c condition) holds(node any) (bool, error) {
	x, notNumber := numberOf(node)
	y, err := strconv.ParseFloat(c.value, 64)
	if notNumber != nil || err != nil {
		text := fmt.Sprint(node)
		switch c.operator {
		case "=":
			return text == c.value, nil
		case "!=":
			return text != c.value, nil
		default:
			return false, fmt.Errorf("%q %s %q: text has no order", text, c.operator, c.value)
		}
	}
	switch c.operator {
	case "=":
		return x == y, nil
	case "!=":
		return x != y, nil
	case "<":
		return x < y, nil
	case "<=":
		return x <= y, nil
	case ">":
		return x > y, nil
	default:
		return x >= y, nil
	}
}
