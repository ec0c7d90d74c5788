package kv

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
)

// TestLayeredIsAMap changes a layered map at random while views of it are taken, released and settled in parts.
func TestLayeredIsAMap(t *testing.T) {
	type view struct {
		base map[string][]byte
		want map[string]string
		era  int
	}
	text := func(base map[string][]byte) map[string]string {
		out := map[string]string{}
		for k, v := range base {
			out[k] = string(v)
		}
		return out
	}
	rng := rand.New(rand.NewPCG(23, 24))
	l, model, views := newLayered(), map[string]string{}, []view{}
	copied := 0
	for i := range 20_000 {
		key := fmt.Appendf(nil, "%d", rng.IntN(40))
		switch n := rng.IntN(40); {
		case n == 0:
			era := l.era
			base, got := l.freeze()
			if got != era {
				copied++
			}
			views = append(views, view{base, maps.Clone(model), got})
		case n <= 2 && len(views) > 0:
			at := rng.IntN(len(views))
			if v := views[at]; !maps.Equal(text(v.base), v.want) {
				t.Fatalf("step %d: view %v, want %v", i, text(v.base), v.want)
			}
			l.release(views[at].era)
			views = append(views[:at], views[at+1:]...)
		case n <= 4:
			l.settle(rng.IntN(5))
		case n < 12:
			l.del(key)
			delete(model, string(key))
		default:
			value := fmt.Sprint(i)
			l.set(key, []byte(value))
			model[string(key)] = value
		}
		if value, found := l.get(key); found != (model[string(key)] != "") || string(value) != model[string(key)] {
			t.Fatalf("step %d: %s is %q, want %q", i, key, value, model[string(key)])
		}
		if i%50 == 0 && !maps.Equal(text(l.all()), model) {
			t.Fatalf("step %d: %v, want %v", i, text(l.all()), model)
		}
	}
	if copied == 0 {
		t.Error("no view was taken while a changed one was open")
	}
}
