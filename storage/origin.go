package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// mark is what a file system tells a file from all others by: what a copy cannot take along.
type mark struct {
	inode uint64 // 0: no number that lasts is known
	born  int64  // nanoseconds since 1970; 0: not known
}

// origin is where a record file was written: what the file says about itself.
//
// Note: the device number is not part of it. It is given at each mount, in the order in which devices are found, so a
// reboot may change it.
type origin struct {
	system       string // the type of the file system; "" in a record from before there were origins
	folder, file mark
}

// lasting reports whether the inode numbers of folders and files outlast a mount on that type of file system. On what
// is not listed (FUSE, SMB, 9P, FAT) numbers may be given anew each time. On overlay that is so for folders, when the
// layers are on several file systems.
func lasting(system string) (folders, files bool) {
	switch system {
	case "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "tmpfs", "nfs", "apfs", "hfs":
		return true, true
	case "overlay":
		return false, true
	}
	return false, false
}

// originOf returns where file is, which is in dir.
func originOf(dir string, file *os.File) (origin, error) {
	folder, err := os.Open(dir)
	if err != nil {
		return origin{}, fmt.Errorf("open folder: %w", err)
	}
	defer func() { _ = folder.Close() }()
	system, systemErr := systemOf(file)
	folderMark, folderErr := markOf(folder)
	fileMark, fileErr := markOf(file)
	if err := errors.Join(systemErr, folderErr, fileErr); err != nil {
		return origin{}, fmt.Errorf("look at %s: %w", file.Name(), err)
	}
	folders, files := lasting(system)
	if !folders {
		folderMark.inode = 0
	}
	if !files {
		fileMark.inode = 0
	}
	return origin{system: system, folder: folderMark, file: fileMark}, nil
}

// originOfName is originOf of dir/name.
func originOfName(dir, name string) (origin, error) {
	file, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return origin{}, err
	}
	defer func() { _ = file.Close() }()
	return originOf(dir, file)
}

// tells reports whether a copy made on the same file system would have another origin.
func (o origin) tells() bool { return o.folder != mark{} || o.file != mark{} }

// checkOrigins says how the folder and its records, as they are found, differ from where they were written, or "". What
// is not known of both does not differ.
func checkOrigins(dir string, identity origin, incarnation mark) (string, error) {
	now, err := originOfName(dir, identityName)
	if err != nil {
		return "", fmt.Errorf("look where %s is: %w", identityName, err)
	}
	last, err := originOfName(dir, incarnationName)
	if err != nil {
		return "", fmt.Errorf("look where %s is: %w", incarnationName, err)
	}
	var found []string
	if identity.system != "" && now.system != identity.system {
		found = append(found, fmt.Sprintf("%s is on %s, was written on %s", identityName, now.system, identity.system))
	}
	for _, m := range []struct {
		what         string
		now, written mark
	}{
		{"the folder", now.folder, identity.folder}, {identityName, now.file, identity.file},
		{incarnationName, last.file, incarnation},
	} {
		if m.now.differs(m.written) {
			found = append(found, fmt.Sprintf("%s is %v, was %v", m.what, m.now, m.written))
		}
	}
	return strings.Join(found, ", "), nil
}

func (m mark) differs(written mark) bool {
	return m.inode != 0 && written.inode != 0 && m.inode != written.inode ||
		m.born != 0 && written.born != 0 && m.born != written.born
}

// String returns "inode 12 born 2026-01-02T15:04:05.000000006Z", each "unknown" if it is.
func (m mark) String() string {
	inode, born := "unknown", "unknown"
	if m.inode != 0 {
		inode = strconv.FormatUint(m.inode, 10)
	}
	if m.born != 0 {
		born = time.Unix(0, m.born).UTC().Format(time.RFC3339Nano)
	}
	return "inode " + inode + " born " + born
}

func parseMark(text string) (m mark, err error) {
	words := strings.SplitN(text, " ", 5)
	if len(words) != 4 || words[0] != "inode" || words[2] != "born" {
		return m, fmt.Errorf("found %.64q, want inode and birth: %w", text, ErrCorrupt)
	}
	if words[1] != "unknown" {
		if m.inode, err = parsePositive("inode", words[1]); err != nil {
			return m, err
		}
	}
	if words[3] != "unknown" {
		born, err := time.Parse(time.RFC3339Nano, words[3])
		if err != nil {
			return m, fmt.Errorf("birth %.64q: %w", words[3], ErrCorrupt)
		}
		m.born = born.UnixNano()
	}
	return m, nil
}

// originFields are the names of what origin.fields returns.
func originFields() []string { return []string{"file system", "folder", "file"} }

func (o origin) fields() []field {
	names := originFields()
	return []field{{names[0], o.system}, {names[1], o.folder.String()}, {names[2], o.file.String()}}
}

// parseOrigin is the inverse of fields.
func parseOrigin(values []string) (origin, error) {
	folder, folderErr := parseMark(values[1])
	file, fileErr := parseMark(values[2])
	return origin{system: values[0], folder: folder, file: file}, errors.Join(folderErr, fileErr)
}
