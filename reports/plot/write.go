package plot

import (
	"os"
	"path/filepath"
)

// Write writes each figure into dir, which is made, as SVG, PNG and the CSV of its data.
func Write(dir string, figures []Figure) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range figures {
		png, err := f.PNG()
		if err != nil {
			return err
		}
		for extension, data := range map[string][]byte{".svg": f.SVG(Wide), ".png": png, ".csv": f.CSV()} {
			if err := os.WriteFile(filepath.Join(dir, f.Name+extension), data, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
