package wholetest

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Rasters of the damage.
const (
	flipEvery   = 64
	zeroEvery   = 4 << 10
	truncations = 16
)

// damage is one thing that is done to the victim's folder.
type damage struct {
	kind string // of the file, see kindOf
	what string // flip, zero, truncate, delete, swap
	text string
	do   func(files)
}

// kindOf sorts the files of a data folder for the table.
func kindOf(name string) string {
	name = strings.TrimPrefix(name, folder(victim)+"/")
	dir, base := path.Split(name)
	for _, k := range []struct{ pattern, name string }{
		{`^\d+\.log$`, "write-ahead log"}, {`^\d+\.sst$`, "table"}, {`^MANIFEST-`, "MANIFEST"}, {`^OPTIONS-`, "OPTIONS"},
		{`^marker\.`, "marker"},
	} {
		if regexp.MustCompile(k.pattern).MatchString(base) {
			return dir + k.name
		}
	}
	return dir + base
}

// damages returns all that is done to one file or two, in order of the names.
func damages(all files) []damage {
	var list []damage
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(all)), func(name string) bool {
		return !strings.HasPrefix(name, folder(victim)+"/") || strings.HasSuffix(name, "/")
	})
	for i, name := range names {
		list = append(list, damagesOf(name, all[name])...)
		for _, other := range names[i+1:] {
			if kindOf(other) == kindOf(name) && !bytes.Equal(all[name], all[other]) {
				list = append(list, damage{kindOf(name), "swap", name + " and " + other, func(f files) {
					f[name], f[other] = f[other], f[name]
				}})
			}
		}
		for _, id := range []string{"1", "3"} {
			other := strings.Replace(name, folder(victim), "/node"+id, 1)
			// Note: another node's whole write-ahead log is not noticed when that node has written more.
			if data, ok := all[other]; ok && !bytes.Equal(data, all[name]) && kindOf(name) != "log/write-ahead log" {
				list = append(list, damage{kindOf(name), "swap", name + " and " + other, func(f files) {
					f[name], f[other] = f[other], f[name]
				}})
			}
		}
	}
	return list
}

func damagesOf(name string, data []byte) []damage {
	var list []damage
	add := func(what, text string, do func(data []byte) []byte) {
		list = append(list, damage{kindOf(name), what, text + " of " + name, func(f files) {
			f[name] = do(bytes.Clone(f[name]))
		}})
	}
	for at := 0; at < len(data); at += flipEvery {
		bit := byte(1) << (at / flipEvery % 8)
		add("flip", fmt.Sprintf("bit %#02x of byte %d", bit, at), func(d []byte) []byte { d[at] ^= bit; return d })
	}
	for at := 0; at < len(data); at += zeroEvery {
		end := min(at+zeroEvery, len(data))
		if bytes.Count(data[at:end], []byte{0}) < end-at {
			add("zero", fmt.Sprintf("bytes %d to %d", at, end), func(d []byte) []byte { clear(d[at:end]); return d })
		}
	}
	last := -1
	for i := range truncations {
		if size := len(data) * i / truncations; size > last && size < len(data) {
			last = size
			add("truncate", fmt.Sprintf("all from byte %d", size), func(d []byte) []byte { return d[:size] })
		}
	}
	list = append(list, damage{kindOf(name), "delete", name, func(f files) { delete(f, name) }})
	return list
}
