package result

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ChecksumsFile lists the SHA-256 of each written file, in the form of sha256sum(1).
const ChecksumsFile = "SHA256SUMS"

func writeChecksums(w io.Writer, sums map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		if _, err := fmt.Fprintf(w, "%s  %s\n", sums[name], name); err != nil {
			return err
		}
	}
	return nil
}

// verifyChecksums compares the files of dir with SHA256SUMS. Without that file there is nothing to compare.
func verifyChecksums(dir string) error {
	list, err := os.Open(filepath.Join(dir, ChecksumsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer list.Close()
	scanner := bufio.NewScanner(list)
	for line := 1; scanner.Scan(); line++ {
		want, name, ok := strings.Cut(scanner.Text(), "  ")
		if !ok || len(want) != 2*sha256.Size || name == "" || name != filepath.Base(name) {
			return fileErrorf(ChecksumsFile, line, "", "%.80q is not a checksum, two spaces and a file name", scanner.Text())
		}
		got, err := checksum(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			return fileErrorf(name, 0, "", "missing, but listed in %s", ChecksumsFile)
		}
		if err != nil {
			return err
		}
		if got != want {
			return fileErrorf(name, 0, "", "truncated or changed since it was written (SHA-256 %.12s…, %s says %.12s…)",
				got, ChecksumsFile, want)
		}
	}
	return scanner.Err()
}

func checksum(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
