package bench

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// ScenarioError is one fault of a scenario file: one line that says where.
type ScenarioError struct {
	File string // as the caller named it
	Line int    // from 1; 0 when the fault has no line of its own
	Err  error
}

// Error implements error.
func (e *ScenarioError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
}

// Unwrap returns the fault.
func (e *ScenarioError) Unwrap() error { return e.Err }

// ParseScenario reads the scenario in text; file names it in errors. Unknown keys are errors. What is wrong with the
// values is returned all at once, each fault with its line.
func ParseScenario(file string, text []byte) (Scenario, error) {
	s, err := decodeScenario(text)
	if err != nil {
		return Scenario{}, atLine(file, err)
	}
	if err := s.Validate(); err != nil {
		return Scenario{}, locate(file, text, err)
	}
	if _, err := Arms(s); err != nil {
		return Scenario{}, locate(file, text, err)
	}
	return s, nil
}

func decodeScenario(text []byte) (Scenario, error) {
	s := DefaultScenario()
	if strings.TrimSpace(string(text)) == "" {
		return s, errors.New("the file is empty")
	}
	if err := yaml.UnmarshalWithOptions(text, &s, yaml.Strict()); err != nil {
		return s, err
	}
	return s, nil
}

// UnmarshalYAML decodes over the defaults, so that what is absent is the default and what is zero stays zero.
func (c *Closed) UnmarshalYAML(unmarshal func(any) error) error {
	type plain Closed
	value := plain(DefaultClosed())
	if err := unmarshal(&value); err != nil {
		return err
	}
	*c = Closed(value)
	return nil
}

// UnmarshalYAML decodes over the defaults.
func (c *Course) UnmarshalYAML(unmarshal func(any) error) error {
	type plain Course
	value := plain(DefaultCourse())
	if err := unmarshal(&value); err != nil {
		return err
	}
	*c = Course(value)
	return nil
}

// UnmarshalYAML decodes over the defaults.
func (p *FaultPlan) UnmarshalYAML(unmarshal func(any) error) error {
	type plain FaultPlan
	value := plain{Trials: 1}
	if err := unmarshal(&value); err != nil {
		return err
	}
	*p = FaultPlan(value)
	return nil
}

// MarshalScenario returns s as a file that ParseScenario reads back.
func MarshalScenario(s Scenario) ([]byte, error) {
	text, err := yaml.MarshalWithOptions(s, yaml.IndentSequence(true))
	if err != nil {
		return nil, fmt.Errorf("encode scenario: %w", err)
	}
	return text, nil
}

// atLine turns the decoder's error, which carries a drawing of the source, into one line.
func atLine(file string, err error) error {
	var unit *unitError
	if errors.As(err, &unit) {
		return &ScenarioError{File: file, Line: unit.line, Err: unit}
	}
	var positioned yaml.Error
	if errors.As(err, &positioned) {
		line := 0
		if token := positioned.GetToken(); token != nil && token.Position != nil {
			line = token.Position.Line
		}
		return &ScenarioError{File: file, Line: line, Err: errors.New(firstLine(positioned.GetMessage()))}
	}
	return &ScenarioError{File: file, Err: errors.New(firstLine(err.Error()))}
}

func firstLine(message string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	return line
}

// locate gives each joined fault the line of its field.
func locate(file string, text []byte, err error) error {
	root, parseErr := parser.ParseBytes(text, 0)
	if parseErr != nil {
		return &ScenarioError{File: file, Err: err}
	}
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // errors.Join's own form
		all = joined.Unwrap()
	}
	located := make([]error, 0, len(all))
	for _, one := range all {
		line := 0
		var f *FieldError
		if errors.As(one, &f) {
			line = lineOf(root, f.Field)
		}
		located = append(located, &ScenarioError{File: file, Line: line, Err: one})
	}
	return errors.Join(located...)
}

// lineOf returns the line of the field, or of the nearest section that the file has, or 0.
func lineOf(root *ast.File, field string) int {
	for field != "" {
		if path, err := yaml.PathString("$." + field); err == nil {
			if node, err := path.FilterFile(root); err == nil && node != nil && node.GetToken() != nil {
				return node.GetToken().Position.Line
			}
		}
		cut := strings.LastIndexAny(field, ".[")
		if cut < 0 {
			return 0
		}
		field = field[:cut]
	}
	return 0
}
