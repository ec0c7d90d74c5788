package kv

import (
	"bytes"
	"maps"
	"slices"
)

// layered is a map of which a view can be taken at once: the base is then only read, and changes go to a
// layer above it until the last view is released. Values are never written to.
type layered struct {
	base map[string][]byte
	over map[string]write
	// views counts those of base. Invariant: changes go to over while views > 0.
	views int
	// era counts the bases.
	era int
}

// write is the last thing done to a key: its new value, or its removal.
type write struct {
	value   []byte
	removed bool
}

func newLayered() *layered { return &layered{base: map[string][]byte{}} }

func (l *layered) get(key []byte) (value []byte, found bool) {
	if len(l.over) > 0 {
		if w, ok := l.over[string(key)]; ok {
			return w.value, !w.removed
		}
	}
	value, found = l.base[string(key)]
	return value, found
}

func (l *layered) set(key, value []byte) {
	if l.views > 0 {
		l.over[string(key)] = write{value: value}
		return
	}
	if len(l.over) > 0 {
		delete(l.over, string(key))
	}
	l.base[string(key)] = value
}

func (l *layered) del(key []byte) {
	if l.views > 0 {
		l.over[string(key)] = write{removed: true}
		return
	}
	if len(l.over) > 0 {
		delete(l.over, string(key))
	}
	delete(l.base, string(key))
}

// freeze takes a view. It costs nothing, except while changes since an earlier view are not settled: then
// it settles them, or copies the map when that view is still held.
func (l *layered) freeze() (base map[string][]byte, era int) {
	switch {
	case l.views == 0:
		l.settle(len(l.over))
		l.over = map[string]write{}
	case len(l.over) > 0:
		l.base, l.views = maps.Clone(l.base), 0
		l.era++
		l.settle(len(l.over))
		l.over = map[string]write{}
	}
	l.views++
	return l.base, l.era
}

// release gives back a view that freeze took in era.
func (l *layered) release(era int) {
	if era == l.era {
		l.views--
	}
}

// settle moves up to n changes to the base, unless it has views, and returns whether there are more to
// move. Their order does not matter.
func (l *layered) settle(n int) (more bool) {
	if l.views > 0 {
		return false
	}
	for key, w := range l.over {
		if n == 0 {
			return true
		}
		n--
		if w.removed {
			delete(l.base, key)
		} else {
			l.base[key] = w.value
		}
		delete(l.over, key)
	}
	return false
}

// sorted calls yield for each key of base, in order, after prefix. Neither key nor value must be kept.
func sorted(base map[string][]byte, prefix []byte, yield func(key, value []byte) error) error {
	key := bytes.Clone(prefix)
	for _, k := range slices.Sorted(maps.Keys(base)) {
		key = append(key[:len(prefix)], k...)
		if err := yield(key, base[k]); err != nil {
			return err
		}
	}
	return nil
}

// all returns the map with all changes, for reading until the next change.
func (l *layered) all() map[string][]byte {
	if len(l.over) == 0 {
		return l.base
	}
	merged := layered{base: maps.Clone(l.base), over: maps.Clone(l.over)}
	merged.settle(len(merged.over))
	return merged.base
}
