package workloads

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/raftmark/raftmark/loadgen"
)

//go:embed presets/*.yaml
var presetFiles embed.FS

const presetDir = "presets"

// fileBytesMax bounds a workload file.
const fileBytesMax = 1 << 20

// mixSlack is how far from 1 the shares of a mix may be in sum.
const mixSlack = 1e-6

// document is a workload file. Pointers tell what is absent from what is zero.
type document struct {
	Description string   `yaml:"description"`
	Mix         *mix     `yaml:"mix"`
	Keys        *int     `yaml:"keys"`
	KeyDist     *string  `yaml:"key_dist"`
	ZipfS       *float64 `yaml:"zipf_s"`
	HotShare    float64  `yaml:"hot_share"`
	Preload     bool     `yaml:"preload"`
	Sizes       *string  `yaml:"sizes"`
	Filler      *string  `yaml:"filler"`
}

type mix struct {
	Get  float64 `yaml:"get"`
	Set  float64 `yaml:"set"`
	Incr float64 `yaml:"incr"`
	CAS  float64 `yaml:"cas"`
}

// Preset is a workload that comes with the program.
type Preset struct {
	Name        string
	Description string
	Workload    loadgen.Workload
}

// Presets returns all of them, by name.
func Presets() ([]Preset, error) {
	entries, err := fs.ReadDir(presetFiles, presetDir)
	if err != nil {
		return nil, fmt.Errorf("list presets: %w", err)
	}
	presets := make([]Preset, 0, len(entries))
	for _, entry := range entries {
		text, err := presetFiles.ReadFile(path.Join(presetDir, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("read preset: %w", err)
		}
		w, description, err := parse(entry.Name(), text)
		if err != nil {
			return nil, err
		}
		presets = append(presets, Preset{
			Name: strings.TrimSuffix(entry.Name(), ".yaml"), Description: description, Workload: w,
		})
	}
	return presets, nil
}

// Load returns the workload of a file, or the preset of that name. What ends in .yaml or .yml or has a slash is a file.
func Load(name string) (loadgen.Workload, error) {
	if strings.Contains(name, "/") || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		info, err := os.Stat(name)
		if err == nil && info.Size() > fileBytesMax {
			err = fmt.Errorf("%d bytes: want at most %d", info.Size(), fileBytesMax)
		}
		if err != nil {
			return loadgen.Workload{}, fmt.Errorf("read workload: %w", err)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return loadgen.Workload{}, fmt.Errorf("read workload: %w", err)
		}
		return Parse(name, text)
	}
	presets, err := Presets()
	if err != nil {
		return loadgen.Workload{}, err
	}
	names := make([]string, len(presets))
	for i, preset := range presets {
		if names[i] = preset.Name; preset.Name == name {
			return preset.Workload, nil
		}
	}
	return loadgen.Workload{}, fmt.Errorf("workload %q: want a file ending in .yaml, or one of %s",
		name, strings.Join(names, ", "))
}

// Parse reads a workload file; file names it in errors. What the file leaves out is zero, which is loadgen's default;
// the values are checked by loadgen.
func Parse(file string, text []byte) (loadgen.Workload, error) {
	w, _, err := parse(file, text)
	return w, err
}

func parse(file string, text []byte) (w loadgen.Workload, description string, err error) {
	if strings.TrimSpace(string(text)) == "" {
		return w, "", fmt.Errorf("%s: the file is empty", file)
	}
	var d document
	if err := yaml.UnmarshalWithOptions(text, &d, yaml.Strict()); err != nil {
		return w, "", atLine(file, err)
	}
	if w, err = d.workload(); err != nil {
		return w, "", fmt.Errorf("%s: %s", file, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return w, d.Description, nil
}

// workload returns what the document asks for.
func (d document) workload() (w loadgen.Workload, err error) {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	w = loadgen.Workload{HotShare: d.HotShare, Preload: d.Preload}
	if d.Mix != nil {
		m := *d.Mix
		sum := m.Get + m.Set + m.Incr + m.CAS
		fault(!(math.Abs(sum-1) <= mixSlack), "mix: the shares are %v in sum, want 1", sum)
		fault(m.Set < 0, "mix.set = %v: want 0 to 1", m.Set)
		w.ReadShare, w.IncrShare, w.CASShare = m.Get, m.Incr, m.CAS
	}
	if d.Keys != nil {
		w.Keys = *d.Keys
		fault(w.Keys <= 0, "keys = %d: want above 0", w.Keys)
	}
	if d.ZipfS != nil {
		w.ZipfS = *d.ZipfS
		fault(!(w.ZipfS > 1), "zipf_s = %v: want above 1", w.ZipfS)
	}
	if d.KeyDist != nil {
		w.KeyDist = loadgen.KeyDist(*d.KeyDist)
		fault(w.KeyDist == "", "key_dist is empty")
	}
	if d.Filler != nil {
		w.Filler = loadgen.Filler(*d.Filler)
		fault(w.Filler == "", "filler is empty")
	}
	if d.Sizes != nil {
		var sizeErr error
		w.PayloadBytes, w.Sizes, sizeErr = loadgen.ParseSizes(*d.Sizes)
		fault(sizeErr == nil && w.PayloadBytes == 0 && w.Sizes.Dist == "", "sizes = %s: want above 0", *d.Sizes)
		faults = append(faults, sizeErr)
	}
	if err := errors.Join(faults...); err != nil {
		return loadgen.Workload{}, err
	}
	return w, loadgen.Options{Workload: w, InflightMax: 1}.WithDefaults().Validate()
}

// atLine turns the decoder's error, which carries a drawing of the source, into one line.
func atLine(file string, err error) error {
	var positioned yaml.Error
	if !errors.As(err, &positioned) {
		return fmt.Errorf("%s: %w", file, err)
	}
	message, _, _ := strings.Cut(strings.TrimSpace(positioned.GetMessage()), "\n")
	if token := positioned.GetToken(); token != nil && token.Position != nil {
		return fmt.Errorf("%s:%d: %s", file, token.Position.Line, message)
	}
	return fmt.Errorf("%s: %s", file, message)
}
