package plot

import (
	"os"
	"path/filepath"
)

// Write writes each figure into dir, which is made, as SVG, PNG and the CSV of its data.
func Write(dir string, figures []Figure) error { return write(dir, figures, true) }

// WriteVectors is Write without PNG, which is most of the size.
func WriteVectors(dir string, figures []Figure) error { return write(dir, figures, false) }

func write(dir string, figures []Figure, pixels bool) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range figures {
		files := map[string][]byte{".svg": f.SVG(Wide), ".csv": f.CSV()}
		if pixels {
			png, err := f.PNG()
			if err != nil {
				return err
			}
			files[".png"] = png
		}
		for extension, data := range files {
			if err := os.WriteFile(filepath.Join(dir, f.Name+extension), data, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
