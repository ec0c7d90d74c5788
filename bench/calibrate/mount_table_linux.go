package calibrate

import (
	"slices"
	"strings"
)

// mount is a line of /proc/self/mountinfo: proc(5).
//
//	36 35 98:0 /root /mnt rw,noatime shared:1 - ext3 /dev/sda1 rw,errors=continue
//	│  │  │    │     │    │          │        │ │    │         └ options of the file system
//	│  │  │    │     │    │          │        │ │    └ source
//	│  │  │    │     │    │          │        │ └ kind
//	│  │  │    │     │    │          └ optional fields, ended by a hyphen
//	│  │  device     point options of the mount
type mount struct {
	device, point, kind, source string
	options                     []string // of the mount and of its file system
}

// option returns the value of name=value, or "".
func (m mount) option(name string) string {
	for _, o := range m.options {
		if value, ok := strings.CutPrefix(o, name+"="); ok {
			return value
		}
	}
	return ""
}

// mountOf returns the mount that the folder is in: of those above it the deepest, and of these the last, which hides
// the others. It is empty when the table has none.
func mountOf(table, dir string) mount {
	var found mount
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		hyphen := slices.Index(fields, "-")
		if hyphen < 6 || len(fields) < hyphen+4 {
			continue
		}
		point := unescape(fields[4])
		inside := point == "/" || dir == point || strings.HasPrefix(dir, point+"/")
		if !inside || len(point) < len(found.point) {
			continue
		}
		found = mount{device: fields[2], point: point, kind: fields[hyphen+1], source: unescape(fields[hyphen+2])}
		for _, option := range strings.Split(fields[5]+","+fields[hyphen+3], ",") {
			found.options = append(found.options, unescape(option))
		}
	}
	return found
}

// unescape undoes what the kernel does to white space in names.
func unescape(name string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\054`, ",", `\134`, `\`).Replace(name)
}
