package bench

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// FuzzScenario parses arbitrary text as a scenario: no panic, a fault names its file, and what is accepted is the same
// after it was written and read again.
func FuzzScenario(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("scenarios", "*.yaml"))
	if err != nil || len(files) == 0 {
		f.Fatalf("%d scenarios, %v", len(files), err)
	}
	bad, err := filepath.Glob(filepath.Join("testdata", "bad", "*.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range append(files, bad...) {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("name: &a [*a]\n"))
	f.Add([]byte("matrix: {? {} : - }\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseScenario("f.yaml", text)
		if err != nil {
			return
		}
		encoded, err := MarshalScenario(s)
		if err != nil {
			t.Fatalf("%+v cannot be encoded: %v", s, err)
		}
		again, err := ParseScenario("f.yaml", encoded)
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%+v came back as %+v, %v, through\n%s", s, again, err, encoded)
		}
	})
}
