package storage

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMeasureSpaceOfAFolderThatIsNotThereYet(t *testing.T) {
	dir := t.TempDir()
	there, err := MeasureSpace(dir)
	if err != nil || there.FreeBytes == 0 || there.TotalBytes < there.FreeBytes {
		t.Fatalf("got %+v, %v", there, err)
	}
	later, err := MeasureSpace(filepath.Join(dir, "a", "b"))
	if err != nil || later.TotalBytes != there.TotalBytes {
		t.Errorf("got %+v, %v, want that of the parent, %+v", later, err, there)
	}
}

func TestMeasureSpaceBelowAFileIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := MeasureSpace(filepath.Join(file, "dir")); err == nil {
		t.Errorf("got %+v, want an error", s)
	}
}
