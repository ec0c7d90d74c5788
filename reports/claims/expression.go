package claims

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/raftmark/raftmark/reports/table"
)

// evaluation is what an expression came to.
type evaluation struct {
	expression string
	value      string // as stored, or as computed
	text       string // as formatted
	source     string
	fault      error // why its figures may not be quoted
}

// evaluate computes an expression: operands with operators between them, then a format.
func evaluate(text string, sources map[string]*source) (evaluation, error) {
	e := evaluation{expression: text}
	words := wordsOf(text)
	if len(words) == 0 {
		return e, errors.New("an empty expression")
	}
	format := ""
	if len(words)%2 == 0 {
		format, words = words[len(words)-1], words[:len(words)-1]
	}
	value, err := e.operand(words[0], sources)
	if err != nil {
		return e, err
	}
	for i := 1; i < len(words); i += 2 {
		next, err := e.operand(words[i+1], sources)
		if err != nil {
			return e, err
		}
		if value, err = combine(value, words[i], next); err != nil {
			return e, err
		}
	}
	e.value = fmt.Sprint(value)
	e.text, err = formatValue(value, format)
	return e, err
}

// wordsOf cuts at spaces outside of brackets.
func wordsOf(text string) []string {
	var words []string
	var word strings.Builder
	depth := 0
	for _, r := range text {
		switch {
		case r == '[':
			depth++
		case r == ']':
			depth--
		case (r == ' ' || r == '\n') && depth == 0:
			if word.Len() > 0 {
				words = append(words, word.String())
				word.Reset()
			}
			continue
		}
		word.WriteRune(r)
	}
	if word.Len() > 0 {
		words = append(words, word.String())
	}
	return words
}

// operand returns the value of a number or a path: text or a number, nothing else.
func (e *evaluation) operand(word string, sources map[string]*source) (any, error) {
	if _, err := strconv.ParseFloat(word, 64); err == nil {
		return json.Number(word), nil
	}
	steps, err := parsePath(word)
	if err != nil {
		return nil, err
	}
	s, ok := sources[steps[0].field]
	if !ok {
		return nil, fmt.Errorf("%s: no source is named %q", word, steps[0].field)
	}
	if !strings.Contains(e.source, s.dir) {
		e.source = strings.TrimPrefix(e.source+", "+s.dir, ", ")
	}
	if s.fault != nil {
		e.fault = s.fault
	}
	if len(steps) == 2 && steps[1].field == "dir" {
		return s.dir, nil
	}
	part, err := walk(s.root, s.steps)
	if err == nil {
		part, err = walk(part, steps[1:])
	}
	if err == nil {
		err = scalar(part)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", word, err)
	}
	return part, nil
}

func scalar(node any) error {
	switch v := node.(type) {
	case nil:
		return errors.New("it is null: not measured, or too small a sample")
	case string, bool, json.Number:
		return nil
	case []any:
		return fmt.Errorf("it is a list of %d", len(v))
	default:
		return errors.New("it is no single value")
	}
}

func numberOf(node any) (float64, error) {
	text, ok := node.(string)
	if n, isNumber := node.(json.Number); isNumber {
		text, ok = n.String(), true
	}
	if !ok {
		return 0, fmt.Errorf("%v is no number", node)
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return x, nil
}

func combine(left any, operator string, right any) (any, error) {
	a, err := numberOf(left)
	if err != nil {
		return nil, err
	}
	b, err := numberOf(right)
	if err != nil {
		return nil, err
	}
	var x float64
	switch operator {
	case "+":
		x = a + b
	case "-":
		x = a - b
	case "*":
		x = a * b
	case "/":
		x = a / b
	default:
		return nil, fmt.Errorf("%q is no operator: + - * /", operator)
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil, fmt.Errorf("%v %s %v is no number", a, operator, b)
	}
	return json.Number(strconv.FormatFloat(x, 'g', -1, 64)), nil
}

// formatValue writes a value as the format says.
func formatValue(value any, format string) (string, error) {
	text := fmt.Sprint(value)
	switch format {
	case "":
		return formatNone(value)
	case "commit":
		return text[:min(12, len(text))], nil
	case "date":
		at, err := time.Parse(time.RFC3339, text)
		return at.UTC().Format("2006-01-02"), err
	}
	x, err := numberOf(value)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(format, "%") {
		return formatVerb(x, format)
	}
	switch format {
	case "us":
		return table.Duration(x), nil
	case "ms":
		return table.Duration(x * 1e3), nil
	case "count":
		return table.Count(int64(math.Round(x))), nil
	case "comma":
		return comma(int64(math.Round(x))), nil
	default:
		return "", fmt.Errorf("there is no format %q: us, ms, count, comma, commit, date, or a verb such as %%.1f", format)
	}
}

// formatNone writes text and whole numbers; how another number is rounded has to be said.
func formatNone(value any) (string, error) {
	text := fmt.Sprint(value)
	if _, isNumber := value.(json.Number); isNumber && strings.ContainsAny(text, ".eE") {
		return "", fmt.Errorf("%s needs a format, such as %%.1f", text)
	}
	return text, nil
}

func formatVerb(x float64, format string) (string, error) {
	verb := format[len(format)-1]
	if strings.Count(format, "%") != 1 {
		return "", fmt.Errorf("%q is not one verb", format)
	}
	var text string
	switch verb {
	case 'd':
		text = fmt.Sprintf(format, int64(math.Round(x)))
	case 'f', 'g', 'e':
		text = fmt.Sprintf(format, x)
	default:
		return "", fmt.Errorf("%q: its verb is not one of d, f, g, e", format)
	}
	if strings.Contains(text, "%!") {
		return "", fmt.Errorf("%q is no format of a number", format)
	}
	return text, nil
}

// comma writes a whole number with commas between groups of three digits: 98,346.
func comma(n int64) string {
	if n < 0 {
		return "-" + comma(-n)
	}
	if n < 1000 {
		return strconv.FormatInt(n, 10)
	}
	return comma(n/1000) + fmt.Sprintf(",%03d", n%1000)
}
