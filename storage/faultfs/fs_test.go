package faultfs

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const patience = 10 * time.Second

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// onDisk returns a file system over a folder of the real one, with the folders log and kv.
func onDisk(t testing.TB, rules ...Rule) (f *FS, dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{"log", "kv"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f = NewIn(nil, dir)
	if err := f.Add(rules...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, dir
}

// operations are all that rules can be for, on paths in the folder log. They can be done once.
func operations(t *testing.T, f *FS, dir string) map[Op]map[string]func() error {
	t.Helper()
	in := func(name string) string { return filepath.Join(dir, "log", name) }
	for _, name := range []string{"a", "spare", "old", "unwanted", "tree"} {
		if err := os.WriteFile(in(name), []byte("contents"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	unspecified := vfs.WriteCategoryUnspecified
	a, folder := must(f.OpenReadWrite(in("a"), unspecified))(t), must(f.OpenDir(in("")))(t)
	t.Cleanup(func() { _ = errors.Join(a.Close(), folder.Close()) })
	opened := func(file vfs.File, err error) error {
		if err == nil {
			err = file.Close()
		}
		return err
	}
	second := func(_ any, err error) error { return err }
	return map[Op]map[string]func() error{
		Sync: {
			"Sync": a.Sync, "SyncData": a.SyncData, "folder.Sync": folder.Sync,
			"SyncTo": func() error { return second(a.SyncTo(1)) },
		},
		Write: {
			"Write":       func() error { return second(a.Write([]byte("data"))) },
			"WriteAt":     func() error { return second(a.WriteAt([]byte("data"), 0)) },
			"Preallocate": func() error { return a.Preallocate(0, 4096) },
		},
		Read: {
			"Read":   func() error { return second(a.Read(make([]byte, 1))) },
			"ReadAt": func() error { return second(a.ReadAt(make([]byte, 1), 0)) },
		},
		Create: {
			"Create":        func() error { return opened(f.Create(in("c"), unspecified)) },
			"OpenReadWrite": func() error { return opened(f.OpenReadWrite(in("o"), unspecified)) },
			"ReuseForWrite": func() error { return opened(f.ReuseForWrite(in("spare"), in("reused"), unspecified)) },
			"Link":          func() error { return f.Link(in("a"), in("linked")) },
			"Rename":        func() error { return f.Rename(in("old"), in("renamed")) },
			"MkdirAll":      func() error { return f.MkdirAll(in("made"), 0o755) },
		},
		Remove: {
			"Remove":    func() error { return f.Remove(in("unwanted")) },
			"RemoveAll": func() error { return f.RemoveAll(in("tree")) },
		},
	}
}

func TestEveryOperationHasItsKind(t *testing.T) {
	for _, failing := range Ops() {
		f, dir := onDisk(t)
		calls := operations(t, f, dir)
		if err := f.Add(Rule{Op: failing, Path: "log/", Action: Error}); err != nil {
			t.Fatal(err)
		}
		hits := int64(0)
		for op, named := range calls {
			for name, call := range named {
				err, want := call(), failing == op || failing == Any
				if want != errors.Is(err, syscall.EIO) || !want && err != nil {
					t.Errorf("rule for %s: %s: got %v, want EIO: %v", failing, name, err, want)
				}
				if want {
					hits++
				}
			}
		}
		if got := f.Rules()[0].Hits; got != hits || hits == 0 {
			t.Errorf("rule for %s: %d hits, want %d", failing, got, hits)
		}
		if entries := must(os.ReadDir(filepath.Join(dir, "log")))(t); failing == Any && len(entries) != 5 {
			t.Errorf("operations that failed left %v, want what was there before", entries)
		}
	}
}

func TestErrorsAreRealAndNothingIsDone(t *testing.T) {
	f, dir := onDisk(t,
		Rule{Op: Write, Path: "log/", Action: Error, Error: ENOSPC},
		Rule{Op: Sync, Path: "kv/", Action: Error})
	name := filepath.Join(dir, "log", "1")
	file := must(f.Create(name, vfs.WriteCategoryUnspecified))(t)
	n, err := file.Write([]byte("data"))
	var path *fs.PathError
	if n != 0 || !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &path) || path.Path != name || path.Op != "write" {
		t.Errorf("Write = %d, %v, want no byte and ENOSPC of %s", n, err, name)
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		t.Errorf("a rule for kv/ hit log/: %v", err)
	}
	if data := must(os.ReadFile(name))(t); len(data) != 0 {
		t.Errorf("%q was written", data)
	}
	folder := must(f.OpenDir(filepath.Join(dir, "kv")))(t)
	if err := folder.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("sync of the folder kv: %v, want EIO", err)
	}
	_ = folder.Close()
}

func TestShortWritesAreHalfDone(t *testing.T) {
	f, dir := onDisk(t, Rule{Op: Write, Action: Short, After: 1, Count: 2})
	name := filepath.Join(dir, "log", "1")
	file := must(f.OpenReadWrite(name, vfs.WriteCategoryUnspecified))(t)
	if _, err := file.Write([]byte("whole,")); err != nil {
		t.Fatal(err)
	}
	if n, err := file.Write([]byte("12345")); n != 2 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Write = %d, %v, want 2 bytes and ENOSPC", n, err)
	}
	if n, err := file.WriteAt([]byte("ABCD"), 0); n != 2 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("WriteAt = %d, %v, want 2 bytes and ENOSPC", n, err)
	}
	if _, err := file.Write([]byte("!")); err != nil {
		t.Errorf("after Count: %v", err)
	}
	_ = file.Close()
	if data := string(must(os.ReadFile(name))(t)); data != "ABole,12!" {
		t.Errorf("the file holds %q", data)
	}
}

func TestRulesCount(t *testing.T) {
	f, dir := onDisk(t,
		Rule{Op: Sync, Action: Delay, Delay: Duration(time.Nanosecond)},
		Rule{Op: Sync, Action: Error, After: 2, Count: 3},
		Rule{Op: Any, Action: Delay, Delay: Duration(time.Nanosecond)})
	file := must(f.Create(filepath.Join(dir, "log", "1"), vfs.WriteCategoryUnspecified))(t)
	defer func() { _ = file.Close() }()
	for i := range 10 {
		if err, failed := file.Sync(), i >= 2 && i < 5; (err != nil) != failed {
			t.Errorf("sync %d: %v, want failure %v", i, err, failed)
		}
	}
	want := []struct{ matched, hits int64 }{{10, 10}, {10, 3}, {8, 8}} // the creation, and what did not fail
	for i, r := range f.Rules() {
		if r.Matched != want[i].matched || r.Hits != want[i].hits {
			t.Errorf("rule %d: %d matched, %d hits, want %+v", i, r.Matched, r.Hits, want[i])
		}
	}
}

// waitWaiting waits until n operations are held up by the first rule.
func waitWaiting(t *testing.T, f *FS, n int64) {
	t.Helper()
	for end := time.Now().Add(patience); f.Rules()[0].Waiting != n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d operations wait, want %d", f.Rules()[0].Waiting, n)
		}
	}
}

func TestStallsAndDelaysAreReleased(t *testing.T) {
	for _, rule := range []Rule{
		{Op: Sync, Action: Stall},
		{Op: Sync, Action: Delay, Delay: Duration(DelayMax)},
	} {
		for name, release := range map[string]func(*FS){
			"Clear": (*FS).Clear,
			"Close": func(f *FS) { _ = f.Close() },
		} {
			f, dir := onDisk(t, rule)
			var held sync.WaitGroup
			for _, file := range []string{"1", "2"} {
				opened := must(f.Create(filepath.Join(dir, file), vfs.WriteCategoryUnspecified))(t)
				held.Go(func() {
					if err := errors.Join(opened.Sync(), opened.Close()); err != nil {
						t.Error(err)
					}
				})
			}
			waitWaiting(t, f, 2)
			if hits := f.Rules()[0].Hits; hits != 2 {
				t.Errorf("%d hits while they wait, want 2", hits)
			}
			release(f)
			held.Wait() // or the test's own deadline
			if left := f.Rules(); len(left) != 0 {
				t.Errorf("%s left %v", name, left)
			}
			if err := f.Add(rule); (name == "Close") != errors.Is(err, ErrClosed) {
				t.Errorf("Add after %s = %v", name, err)
			}
		}
	}
}

func TestDelayTakesItsTime(t *testing.T) {
	const delay = 20 * time.Millisecond
	f, dir := onDisk(t, Rule{Op: Sync, Action: Delay, Delay: Duration(delay), Count: 1})
	file := must(f.Create(filepath.Join(dir, "1"), vfs.WriteCategoryUnspecified))(t)
	defer func() { _ = file.Close() }()
	begin := time.Now()
	if err := file.Sync(); err != nil || time.Since(begin) < delay {
		t.Errorf("a delayed sync: %v after %v", err, time.Since(begin))
	}
}

func TestRulesComeAndGoDuringUse(t *testing.T) {
	f := New(vfs.NewMem())
	stop := make(chan struct{})
	var users sync.WaitGroup
	for _, name := range []string{"a", "b", "c"} {
		users.Go(func() {
			file, err := f.Create(name, vfs.WriteCategoryUnspecified)
			for err == nil {
				select {
				case <-stop:
					return
				default:
				}
				_, writeErr := file.Write([]byte("x"))
				if err = errors.Join(writeErr, file.Sync()); errors.Is(err, syscall.EIO) {
					err = nil
				}
			}
			if !errors.Is(err, syscall.EIO) {
				t.Error(err)
			}
		})
	}
	for i := range 300 {
		action := []Rule{
			{Op: Sync, Path: "a", Action: Stall}, {Op: Write, Action: Error},
			{Op: Any, Path: "c", Action: Delay, Delay: Duration(DelayMax)},
		}[i%3]
		if err := f.Add(action); err != nil {
			t.Fatal(err)
		}
		_ = f.Rules()
		f.Clear()
	}
	_ = f.Close()
	close(stop)
	users.Wait()
}

func TestPathsAreRelative(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log", "node") // a folder above has the text, too
	if err := os.MkdirAll(filepath.Join(dir, "kv"), 0o755); err != nil {
		t.Fatal(err)
	}
	f := NewIn(nil, dir+string(filepath.Separator))
	if err := f.Add(Rule{Op: Create, Path: "log/", Action: Error}); err != nil {
		t.Fatal(err)
	}
	file, err := f.Create(filepath.Join(dir, "kv", "1"), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatalf("the rule saw the whole path: %v", err)
	}
	_ = file.Close()
	if err := f.MkdirAll(filepath.Join(dir, "log"), 0o755); !errors.Is(err, syscall.EIO) {
		t.Errorf("make the folder log: %v, want EIO", err)
	}
}

func TestFaultyRulesAreRefused(t *testing.T) {
	for want, r := range map[string]Rule{
		`op: "", want one of sync, write, read`:             {Action: Stall},
		`op: "flush", want one of`:                          {Op: "flush", Action: Stall},
		`action: "explode", want one of delay, stall`:       {Op: Sync, Action: "explode"},
		"delay: 0s, want more than 0 and at most 1h0m0s":    {Op: Sync, Action: Delay},
		"delay: 2h0m0s, want more than 0":                   {Op: Sync, Action: Delay, Delay: Duration(2 * time.Hour)},
		"delay: 1ns, want none with action stall":           {Op: Sync, Action: Stall, Delay: 1},
		`error: "EPERM", want EIO or ENOSPC`:                {Op: Sync, Action: Error, Error: "EPERM"},
		`error: "EIO", want none with action delay`:         {Op: Sync, Action: Delay, Delay: 1, Error: EIO},
		`op: "any", want write with action short`:           {Op: Any, Action: Short},
		"after: -1, want 0 to 1099511627776":                {Op: Sync, Action: Stall, After: -1},
		"count: 1099511627777, want 0 to":                   {Op: Sync, Action: Stall, Count: CountMax + 1},
		"path: 4097 bytes, want at most 4096":               {Op: Sync, Action: Stall, Path: strings.Repeat("x", 4097)},
		"after: -1, want 0 to 1099511627776\ncount: -1, wa": {Op: Sync, Action: Stall, After: -1, Count: -1},
	} {
		f := New(vfs.NewMem())
		err := f.Add(Rule{Op: Sync, Action: Stall}, r)
		if err == nil || !strings.Contains(err.Error(), "rules[1]."+want) {
			t.Errorf("Add(%+v) = %v, want %q", r, err, want)
		}
		if left := f.Rules(); len(left) != 0 {
			t.Errorf("a refused rule left %v", left)
		}
	}
	f := New(nil)
	for range RulesMax {
		if err := f.Add(Rule{Op: Sync, Action: Error}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Add(Rule{Op: Sync, Action: Error}); err == nil || !strings.Contains(err.Error(), "want at most 64") {
		t.Errorf("one rule too many: %v", err)
	}
}

func TestRulesAsJSON(t *testing.T) {
	const text = `{"op":"sync","path":"log/","action":"delay","delay":"20ms","after":3,"count":1}`
	var r Rule
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	want := Rule{Op: Sync, Path: "log/", Action: Delay, Delay: Duration(20 * time.Millisecond), After: 3, Count: 1}
	if r != want {
		t.Errorf("got %+v, want %+v", r, want)
	}
	if again := must(json.Marshal(r))(t); string(again) != text {
		t.Errorf("got %s, want %s", again, text)
	}
	state := must(json.Marshal(RuleState{Rule: Rule{Op: Any, Action: Stall}, Matched: 3, Hits: 2, Waiting: 1}))(t)
	if want := `{"op":"any","action":"stall","matched":3,"hits":2,"waiting":1}`; string(state) != want {
		t.Errorf("got %s, want %s", state, want)
	}
	if err := json.Unmarshal([]byte(`{"delay":"fast"}`), &r); err == nil || !strings.Contains(err.Error(), "20ms") {
		t.Errorf("delay fast: %v", err)
	}
}

func TestUnwrapAndPaths(t *testing.T) {
	base := vfs.NewMem()
	f := New(base)
	if vfs.Root(f) != vfs.FS(base) {
		t.Error("Root does not find the base")
	}
	if got := f.PathJoin("a", "b"); f.PathDir(got) != "a" || f.PathBase(got) != "b" {
		t.Errorf("PathJoin = %q", got)
	}
	if _, err := f.Open("missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open = %v", err)
	}
	file := must(f.Create("a", vfs.WriteCategoryUnspecified))(t)
	if _, err := file.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(must(f.Open("a"))(t)); err != nil || len(data) != 3 {
		t.Errorf("read %q, %v", data, err)
	}
}
