package faultfs

import (
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// nothing is a file that does nothing, so that the benchmark shows what this package adds.
type nothing struct{ vfs.File }

func (nothing) Write(p []byte) (int, error) { return len(p), nil }

type nothingFS struct{ vfs.FS }

func (nothingFS) Create(string, vfs.DiskWriteCategory) (vfs.File, error) { return nothing{}, nil }

// BenchmarkWrite is one write that the base does in no time: without this package, with it and no rules, and with a
// rule for other paths.
func BenchmarkWrite(b *testing.B) {
	base := nothingFS{vfs.NewMem()}
	ruled := New(base)
	if err := ruled.Add(Rule{Op: Write, Path: "kv/", Action: Stall}); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		fs   vfs.FS
	}{{"base", base}, {"no-rules", New(base)}, {"other-rule", ruled}} {
		b.Run(c.name, func(b *testing.B) {
			file, err := c.fs.Create(filepath.Join("log", "000001.log"), vfs.WriteCategoryUnspecified)
			if err != nil {
				b.Fatal(err)
			}
			data := make([]byte, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := file.Write(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestWritesDoNotAllocate(t *testing.T) {
	f := New(nothingFS{vfs.NewMem()})
	file, err := f.Create("log/1", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 4096)
	if n := testing.AllocsPerRun(100, func() { _, _ = file.Write(data) }); n != 0 {
		t.Errorf("%v allocations a write, want 0", n)
	}
}
