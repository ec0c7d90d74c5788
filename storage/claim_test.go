package storage

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func testOptions(dir string) Options { return Options{Dir: dir, Cluster: "demo", Node: 3} }

func mustClaim(t *testing.T, o Options) *Claim {
	t.Helper()
	c, err := NewClaim(o)
	if err != nil {
		t.Fatalf("NewClaim(%+v) = %v", o, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// readAll returns the contents of all files of dir except the lock, which names whoever tried.
func readAll(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == lockName || e.IsDir() {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(raw)
	}
	return files
}

func TestClaimCountsIncarnations(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for want := uint64(1); want <= 3; want++ {
		c := mustClaim(t, testOptions(dir))
		if got := c.Incarnation(); got != want {
			t.Fatalf("Incarnation() = %d, want %d", got, want)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNotedLogIsRememberedForEver says once that there is a log.
func TestNotedLogIsRememberedForEver(t *testing.T) {
	o := testOptions(t.TempDir())
	for life := range 4 {
		c := mustClaim(t, o)
		before := readAll(t, o.Dir)
		if want := life > 1; c.LogCreated() != want {
			t.Errorf("life %d: LogCreated() = %v, want %v", life, !want, want)
		}
		if life >= 1 {
			if err := errors.Join(c.NoteLog(), c.NoteLog()); err != nil || !c.LogCreated() {
				t.Fatalf("NoteLog() = %v, LogCreated() = %v", err, c.LogCreated())
			}
		}
		if changed, want := fmt.Sprint(readAll(t, o.Dir)) != fmt.Sprint(before), life == 1; changed != want {
			t.Errorf("life %d: files changed: %v, want %v", life, changed, want)
		}
		c.Close()
	}
}

// TestIncarnationWithoutPeersIsBroughtUpToDate claims a folder of the version that wrote PEERS when it met somebody.
func TestIncarnationWithoutPeersIsBroughtUpToDate(t *testing.T) {
	o := testOptions(t.TempDir())
	first := mustClaim(t, o).Life()
	remove(t, filepath.Join(o.Dir, lockName))
	remove(t, filepath.Join(o.Dir, peersName))
	if err := writeRecordFile(o.Dir, incarnationName, incarnationHeader2, []field{
		{"incarnation", "4"}, {"nonce", "6"}, {"previous", "5"}, {"file", mark{}.String()},
	}); err != nil {
		t.Fatal(err)
	}
	c := mustClaim(t, o)
	if l := c.Life(); l.Disk != first.Disk || l.Incarnation != 5 || !slices.Equal(l.Previous, []uint64{6, 5}) ||
		c.LogCreated() {
		t.Errorf("Life() = %+v", l)
	}
	if _, err := OpenPeerLives(o.Dir, slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
	c.Close()
	remove(t, filepath.Join(o.Dir, peersName))
	if _, err := NewClaim(o); !errors.Is(err, ErrCorrupt) {
		t.Errorf("NewClaim() = %v, want ErrCorrupt", err)
	}
}

func TestDiskIsTheFoldersForEver(t *testing.T) {
	o, other := testOptions(t.TempDir()), testOptions(t.TempDir())
	c := mustClaim(t, o)
	disk := c.Disk()
	if disk == 0 || disk == mustClaim(t, other).Disk() {
		t.Errorf("Disk() = %d, want one that is not 0 and no other folder's", disk)
	}
	for range 3 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if c = mustClaim(t, o); c.Disk() != disk {
			t.Fatalf("Disk() = %d, was %d", c.Disk(), disk)
		}
	}
}

// TestOlderFolderIsBroughtUpToDate claims folders as earlier versions wrote them.
func TestOlderFolderIsBroughtUpToDate(t *testing.T) {
	for version, identity := range map[string][]field{
		identityHeader1: {{"cluster", "demo"}, {"node", "3"}},
		identityHeader2: {{"cluster", "demo"}, {"node", "3"}, {"disk", "77"}},
	} {
		t.Run(version, func(t *testing.T) {
			o := testOptions(t.TempDir())
			if err := errors.Join(
				writeRecordFile(o.Dir, incarnationName, incarnationHeader1, []field{{"incarnation", "4"}}),
				writeRecordFile(o.Dir, identityName, version, identity),
			); err != nil {
				t.Fatal(err)
			}
			first := mustClaim(t, o)
			l := first.Life()
			if l.Disk == 0 || version == identityHeader2 && l.Disk != 77 || l.Incarnation != 5 || l.Nonce == 0 ||
				len(l.Previous) != 0 {
				t.Fatalf("Life() = %+v, want a disk, the incarnation 5, a nonce and none before", l)
			}
			first.Close()
			if next := mustClaim(t, o).Life(); next.Disk != l.Disk || !slices.Equal(next.Previous, []uint64{l.Nonce}) {
				t.Errorf("the life after %+v is %+v", l, next)
			}
			if _, err := OpenPeerLives(o.Dir, slog.New(slog.DiscardHandler)); err != nil {
				t.Errorf("the folder has no record of peers: %v", err)
			}
			if found, err := readIdentity(o.Dir); err != nil || found.written.system == "" {
				t.Errorf("the identity is %+v, %v, want it to say where it is", found, err)
			}
		})
	}
}

func TestClaimRefusesAndChangesNothing(t *testing.T) {
	otherCluster, otherNode := func(o *Options) { o.Cluster = "prod" }, func(o *Options) { o.Node = 4 }
	same := func(*Options) {}
	cases := []struct {
		name   string
		damage func(t *testing.T, dir string)
		change func(*Options)
		want   error
		says   string
	}{
		{"cluster", nil, otherCluster, ErrWrongCluster, `cluster: found "demo", want "prod"`},
		{"node", nil, otherNode, ErrWrongNode, "node: found 3, want 4"},
		{"flipped identity", func(t *testing.T, dir string) { flip(t, filepath.Join(dir, identityName), 30) },
			same, ErrCorrupt, "checksum"},
		{"flipped incarnation", func(t *testing.T, dir string) { flip(t, filepath.Join(dir, incarnationName), 37) },
			same, ErrCorrupt, "checksum"},
		{"lost incarnation", func(t *testing.T, dir string) { remove(t, filepath.Join(dir, incarnationName)) },
			same, ErrCorrupt, "no INCARNATION"},
		{"lost identity", func(t *testing.T, dir string) {
			remove(t, filepath.Join(dir, identityName))
			if err := os.Mkdir(LogDir(dir), 0o755); err != nil {
				t.Fatal(err)
			}
		}, same, ErrCorrupt, "no IDENTITY"},
		{"lost peers", func(t *testing.T, dir string) { remove(t, filepath.Join(dir, peersName)) },
			same, ErrCorrupt, "no PEERS"},
		{"lost identity, and peers met", func(t *testing.T, dir string) {
			remove(t, filepath.Join(dir, identityName))
			if err := writeRecordFile(dir, peersName, peersHeader, []field{{"2", "1 2 3"}}); err != nil {
				t.Fatal(err)
			}
		}, same, ErrCorrupt, "no IDENTITY"},
		{"incarnation of another folder", func(t *testing.T, dir string) {
			other := testOptions(filepath.Join(filepath.Dir(dir), "other"))
			mustClaim(t, other).Close()
			if err := os.Rename(filepath.Join(other.Dir, incarnationName), filepath.Join(dir, incarnationName)); err != nil {
				t.Fatal(err)
			}
		}, same, ErrCorrupt, "INCARNATION is of disk"},
		{"later format", func(t *testing.T, dir string) {
			if err := writeRecordFile(dir, identityName, "raftmark-identity 4", nil); err != nil {
				t.Fatal(err)
			}
		}, same, ErrFormat, "raftmark-identity 4"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := testOptions(t.TempDir())
			mustClaim(t, o).Close()
			if c.damage != nil {
				c.damage(t, o.Dir)
			}
			before := readAll(t, o.Dir)
			c.change(&o)
			_, err := NewClaim(o)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("NewClaim() = %v, want %v saying %q", err, c.want, c.says)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %q", err)
			}
			if after := readAll(t, o.Dir); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("folder changed: %v, was %v", after, before)
			}
		})
	}
}

func TestEveryFlippedBitOfIdentityIsFound(t *testing.T) {
	o := testOptions(t.TempDir())
	mustClaim(t, o).Close()
	for _, name := range []string{identityName, incarnationName} {
		path := filepath.Join(o.Dir, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for bit := range len(good) * 8 {
			bad := bytes.Clone(good)
			bad[bit/8] ^= 1 << (bit % 8)
			if err := os.WriteFile(path, bad, 0o644); err != nil {
				t.Fatal(err)
			}
			if c, err := NewClaim(o); err == nil {
				c.Close()
				t.Fatalf("%s with bit %d flipped was accepted", name, bit)
			}
		}
		if err := os.WriteFile(path, good, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClaimLocksWithinProcess(t *testing.T) {
	o := testOptions(t.TempDir())
	c := mustClaim(t, o)
	_, err := NewClaim(o)
	if want := fmt.Sprintf("held by process %d", os.Getpid()); !errors.Is(err, ErrLocked) ||
		!strings.Contains(err.Error(), want) {
		t.Fatalf("second claim: %v, want ErrLocked saying %q", err, want)
	}
	c.Close()
	if got := mustClaim(t, o).Incarnation(); got != 2 {
		t.Errorf("incarnation after a refused claim = %d, want 2", got)
	}
}

// TestClaimLocksBetweenProcesses starts this test binary again as the holder of the folder, and kills it.
func TestClaimLocksBetweenProcesses(t *testing.T) {
	if dir := os.Getenv("RAFTMARK_TEST_CLAIM"); dir != "" {
		mustClaim(t, testOptions(dir))
		fmt.Println("claimed")
		select {}
	}
	o := testOptions(t.TempDir())
	holder := exec.Command(os.Args[0], "-test.run=^TestClaimLocksBetweenProcesses$")
	holder.Env = append(os.Environ(), "RAFTMARK_TEST_CLAIM="+o.Dir)
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer holder.Wait()
	defer holder.Process.Kill()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "claimed\n" {
		t.Fatalf("holder said %q, %v", line, err)
	}
	_, err = NewClaim(o)
	if says := fmt.Sprintf("held by process %d, want free", holder.Process.Pid); !errors.Is(err, ErrLocked) ||
		!strings.Contains(err.Error(), says) {
		t.Fatalf("claim beside a live process: %v, want ErrLocked saying %q", err, says)
	}
	holder.Process.Kill()
	holder.Wait()
	if got := mustClaim(t, o).Incarnation(); got != 2 {
		t.Errorf("incarnation after the holder was killed = %d, want 2", got)
	}
}

// TestWhatAChildOfTheHolderDoes kills a holder that has started a program. One that was started as programs are does
// not keep the folder locked; one that was given the open lock does, for as long as it runs.
func TestWhatAChildOfTheHolderDoes(t *testing.T) {
	if dir := os.Getenv("RAFTMARK_TEST_CHILD"); dir != "" {
		c := mustClaim(t, testOptions(dir))
		child := exec.Command("sleep", "600")
		if os.Getenv("RAFTMARK_TEST_INHERIT") != "" {
			child.ExtraFiles = []*os.File{c.lock}
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		fmt.Println(child.Process.Pid)
		select {}
	}
	for _, inherits := range []string{"", "yes"} {
		o := testOptions(t.TempDir())
		holder := exec.Command(os.Args[0], "-test.run=^TestWhatAChildOfTheHolderDoes$")
		holder.Env = append(os.Environ(), "RAFTMARK_TEST_CHILD="+o.Dir, "RAFTMARK_TEST_INHERIT="+inherits)
		out, err := holder.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		var pid int
		_, err = fmt.Fscanln(out, &pid)
		holder.Process.Kill()
		holder.Wait()
		if err != nil {
			t.Fatalf("the holder did not say its child: %v", err)
		}
		child, err := os.FindProcess(pid)
		if err != nil {
			t.Fatal(err)
		}
		defer child.Kill()
		if inherits == "" {
			mustClaim(t, o)
			continue
		}
		_, err = NewClaim(o)
		says := fmt.Sprintf("held by process %d, which is not seen here", holder.Process.Pid)
		if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), says) {
			t.Errorf("claim beside a child that inherited the lock: %v, want ErrLocked saying %q", err, says)
		}
		child.Kill()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			if c, err := NewClaim(o); err == nil {
				c.Close()
				break
			} else if time.Now().After(end) {
				t.Fatalf("claim when the child is gone: %v", err)
			}
		}
	}
}

func TestOptionsValidateNamesEveryFault(t *testing.T) {
	o := Options{Sync: "often", MemTableBytes: 1, CacheBytes: -1, WALPrimeBytes: -2, Cluster: "a b"}
	err := o.WithDefaults().Validate()
	if err == nil {
		t.Fatal("Validate() = nil")
	}
	for _, f := range []string{"Dir", "Cluster", "Node", "Sync", "MemTableBytes", "CacheBytes", "WALPrimeBytes"} {
		if !strings.Contains(err.Error(), "storage."+f+": ") {
			t.Errorf("Validate() = %q, want it to name %s", err, f)
		}
	}
}

func TestOptionsRoundTripJSON(t *testing.T) {
	want := testOptions("x").WithDefaults()
	if err := want.Validate(); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Options
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	got.Logger = want.Logger
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func flip(t *testing.T, path string, offset int) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[offset] ^= 1
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
