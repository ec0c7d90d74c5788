package calibrate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// layersMax bounds how many file systems are looked for below one another.
const layersMax = 4

// placeOf asks the kernel where dir is; what it does not say stays empty.
func placeOf(dir string) place { return placeBelow(dir, layersMax) }

func placeBelow(dir string, layers int) place {
	resolved, err := filepath.Abs(dir)
	if err != nil {
		return place{}
	}
	if real, err := filepath.EvalSymlinks(resolved); err == nil {
		resolved = real
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return memoryOf(place{}, resolved)
	}
	m := mountOf(string(table), resolved)
	p := memoryOf(place{filesystem: m.kind}, resolved)
	if p.unstable != "" || layers == 0 {
		return p
	}
	for _, option := range []string{"nobarrier", "barrier=0"} {
		if slices.Contains(m.options, option) {
			p.suspicious = fmt.Sprintf("%s is mounted with %s", m.kind, option)
		}
	}
	if m.kind == "overlay" {
		if slices.Contains(m.options, "volatile") {
			p.unstable = "overlay that is mounted with volatile"
		}
		upper := m.option("upperdir")
		if _, err := os.Stat(upper); err != nil || upper == "" {
			return p // a path of whoever mounted it: within a container it leads nowhere, as a rule
		}
		return p.on(placeBelow(upper, layers-1))
	}
	return onDevice(p, m, layers)
}

// memoryOf recognizes what is kept in memory by the number that the kernel gives its kind.
func memoryOf(p place, dir string) place {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return p
	}
	switch uint32(s.Type) { //nolint:gosec // the numbers have 32 bits; the field's type depends on the machine
	case unix.TMPFS_MAGIC:
		p.filesystem, p.unstable = "tmpfs", "tmpfs"
	case unix.RAMFS_MAGIC:
		p.filesystem, p.unstable = "ramfs", "ramfs"
	}
	return p
}

// onDevice looks at the block device below a file system.
func onDevice(p place, m mount, layers int) place {
	number := m.device
	if major, _, _ := strings.Cut(number, ":"); major == "0" { // of several devices, as Btrfs has it
		number = numberOf(m.source)
	}
	if number == "" {
		return p
	}
	link, err := filepath.EvalSymlinks("/sys/dev/block/" + number)
	if err != nil {
		return p
	}
	p.device = filepath.Base(link)
	for _, queue := range []string{filepath.Join(link, "queue"), filepath.Join(filepath.Dir(link), "queue")} {
		if mode, err := os.ReadFile(filepath.Join(queue, "write_cache")); err == nil { // a partition's is its disk's
			p.writeCache = strings.TrimSpace(string(mode))
			break
		}
	}
	if name := strings.TrimRight(p.device, "0123456789"); name == "ram" || name == "zram" || name == "brd" {
		p.unstable = "RAM disk " + p.device
	}
	backing, err := os.ReadFile(filepath.Join(link, "loop", "backing_file"))
	if errors.Is(err, fs.ErrNotExist) || len(backing) == 0 {
		return p
	}
	below := placeBelow(filepath.Dir(strings.TrimSpace(string(backing))), layers-1)
	return place{filesystem: p.filesystem + " on " + p.device}.on(below)
}

// numberOf returns "major:minor" of a device's file, or "".
func numberOf(file string) string {
	var s unix.Stat_t
	if err := unix.Stat(file, &s); err != nil || s.Mode&unix.S_IFMT != unix.S_IFBLK {
		return ""
	}
	return fmt.Sprintf("%d:%d", unix.Major(s.Rdev), unix.Minor(s.Rdev))
}
