package bench

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// procField returns what follows the colon in the first line of a file that begins with the field's name.
func procField(file, field string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(text) {
		name, value, ok := strings.Cut(string(line), ":")
		if ok && strings.TrimSpace(name) == field {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func cpuModel() string { return procField("/proc/cpuinfo", "model name") }

func memoryBytes() uint64 {
	kilobytes, _, _ := strings.Cut(procField("/proc/meminfo", "MemTotal"), " ")
	n, err := strconv.ParseUint(kilobytes, 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}

// filesystem returns the type of the file system of dir: that of the longest mount point above it.
func filesystem(dir string) string {
	resolved, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	if real, err := filepath.EvalSymlinks(resolved); err == nil {
		resolved = real
	}
	mounts, err := os.Open("/proc/self/mounts")
	if err != nil {
		return ""
	}
	defer mounts.Close()
	longest, kind := -1, ""
	for lines := bufio.NewScanner(mounts); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 {
			continue
		}
		mount := fields[1]
		inside := mount == "/" || resolved == mount || strings.HasPrefix(resolved, mount+"/")
		if inside && len(mount) >= longest {
			longest, kind = len(mount), fields[2]
		}
	}
	return kind
}

// virtualization returns the hypervisor, or the container, as far as the system lets it be known.
func virtualization() string {
	var found []string
	if text, err := os.ReadFile("/sys/class/dmi/id/sys_vendor"); err == nil {
		found = append(found, strings.TrimSpace(string(text)))
	}
	if strings.Contains(" "+procField("/proc/cpuinfo", "flags")+" ", " hypervisor ") {
		found = append(found, "hypervisor")
	}
	for _, mark := range []struct{ file, name string }{{"/.dockerenv", "docker"}, {"/run/.containerenv", "container"}} {
		if _, err := os.Stat(mark.file); err == nil {
			found = append(found, mark.name)
		}
	}
	return strings.Join(found, ", ")
}

// readCPU reads the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal.
func readCPU() cpuTimes {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return cpuTimes{}
	}
	line, _, _ := strings.Cut(string(text), "\n")
	var times cpuTimes
	for i, field := range strings.Fields(line) {
		value, err := strconv.ParseFloat(field, 64)
		if err != nil || i > 8 { // the label; guest times are part of user already
			continue
		}
		times.total += value
		if i == 8 {
			times.steal = value
		}
	}
	return times
}
