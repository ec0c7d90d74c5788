package bench

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

//go:embed scenarios/*.yaml
var scenarioFiles embed.FS

const scenarioDir = "scenarios"

// DefaultScenarioName is what runs when nothing is named.
const DefaultScenarioName = "standard"

// Builtin returns the scenarios that come with the program, by name.
func Builtin() ([]Scenario, error) {
	entries, err := fs.ReadDir(scenarioFiles, scenarioDir)
	if err != nil {
		return nil, fmt.Errorf("list scenarios: %w", err)
	}
	scenarios := make([]Scenario, 0, len(entries))
	for _, entry := range entries {
		s, err := LoadScenario(strings.TrimSuffix(entry.Name(), ".yaml"))
		if err != nil {
			return nil, err
		}
		scenarios = append(scenarios, s)
	}
	return scenarios, nil
}

// LoadScenario returns the scenario of a file, or the built-in one of that name. What ends in .yaml or .yml or has a
// slash is a file.
func LoadScenario(name string) (Scenario, error) {
	if strings.Contains(name, "/") || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		text, err := os.ReadFile(name)
		if err != nil {
			return Scenario{}, fmt.Errorf("read scenario: %w", err)
		}
		return ParseScenario(name, text)
	}
	text, err := scenarioFiles.ReadFile(path.Join(scenarioDir, name+".yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		return Scenario{}, fmt.Errorf("scenario %q: must be a file ending in .yaml, or one of %s", name,
			strings.Join(builtinNames(), ", "))
	}
	if err != nil {
		return Scenario{}, fmt.Errorf("read scenario: %w", err)
	}
	return ParseScenario(name, text)
}

func builtinNames() []string {
	entries, err := fs.ReadDir(scenarioFiles, scenarioDir)
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, strings.TrimSuffix(entry.Name(), ".yaml"))
	}
	return names
}
