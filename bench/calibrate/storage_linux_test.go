package calibrate

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/raftmark/raftmark/bench/result"
)

// folderIn returns a folder of the test's own within another one.
func folderIn(t *testing.T, dir string) string {
	t.Helper()
	folder, err := os.MkdirTemp(dir, "raftmark-calibrate-*")
	if err != nil {
		t.Skipf("no folder in %s: %v", dir, err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	return folder
}

func TestTmpfsIsNoStableStorage(t *testing.T) {
	var s unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &s); err != nil || s.Type != unix.TMPFS_MAGIC {
		t.Skipf("/dev/shm is no tmpfs: %v", err)
	}
	c, err := Run(t.Context(), Options{Dir: folderIn(t, "/dev/shm"), Each: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if c.Storage.Verdict != "no stable storage: tmpfs" || c.DurabilityClass != DurabilityVolatile {
		t.Errorf("got %q, class %s", c.Storage.Verdict, c.DurabilityClass)
	}
	// The measure alone would have found it, too.
	if p50 := c.Storage.OverwriteUs.P50; p50 == nil || *p50 >= float64(honestSyncMin.Microseconds()) {
		t.Logf("an overwrite with its sync takes %v µs here: the machine is busy", p50)
	}
}

// overlayEnv is the folder that the test binary looks at when it runs within a mount namespace of its own.
const overlayEnv = "RAFTMARK_CALIBRATE_OVERLAY"

func TestOverlayOnTmpfsIsNoStableStorage(t *testing.T) {
	if dir := os.Getenv(overlayEnv); dir != "" {
		p := placeOf(dir)
		if p.filesystem != "overlay on tmpfs" || p.judge([]time.Duration{time.Second}) != "no stable storage: tmpfs" {
			t.Errorf("got %+v", p)
		}
		return
	}
	dir := t.TempDir()
	script := `mount -t tmpfs none "$1" && cd "$1" && mkdir lower upper work merged &&
		mount -t overlay overlay -o lowerdir=lower,upperdir="$1/upper",workdir=work merged || exit 77
		exec "$2" -test.run '^TestOverlayOnTmpfsIsNoStableStorage$'`
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", dir, self)
	cmd.Env = append(os.Environ(), overlayEnv+"="+filepath.Join(dir, "merged"))
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState; code == nil || code.ExitCode() == 77 || strings.HasPrefix(string(out), "unshare:") {
		t.Skipf("no mounts here: %v: %s", err, out)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestTheFolderOfATestIsSomewhere(t *testing.T) {
	p := placeOf(t.TempDir())
	t.Logf("%+v", p)
	if p.filesystem == "" {
		t.Errorf("got %+v, want the kind of its file system", p)
	}
	if p.writeCache != "" && !slices.Contains([]string{"write back", "write through"}, p.writeCache) {
		t.Errorf("got a write cache of mode %q", p.writeCache)
	}
}

func TestMountOf(t *testing.T) {
	const table = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,nobarrier
30 22 0:25 / /mnt rw - tmpfs none rw
31 22 0:26 / /mnt/a\040b rw,noatime - overlay overlay rw,lowerdir=/l,upperdir=/mnt/up\040per,workdir=/w,volatile
32 22 8:1 / /mnt/disk rw shared:2 master:3 - xfs /dev/sda1 rw
33 22 8:2 / /mnt/disk rw - ext4 /dev/sdb1 rw
a line that is cut short
`
	for dir, want := range map[string]mount{
		"/home/x":      {device: "254:0", point: "/", kind: "ext4", source: "/dev/vda"},
		"/mnt":         {device: "0:25", point: "/mnt", kind: "tmpfs", source: "none"},
		"/mntx":        {device: "254:0", point: "/", kind: "ext4", source: "/dev/vda"},
		"/mnt/a b/c":   {device: "0:26", point: "/mnt/a b", kind: "overlay", source: "overlay"},
		"/mnt/disk/db": {device: "8:2", point: "/mnt/disk", kind: "ext4", source: "/dev/sdb1"},
	} {
		got := mountOf(table, dir)
		options := got.options
		got.options = nil
		if got.device != want.device || got.point != want.point || got.kind != want.kind || got.source != want.source {
			t.Errorf("%s: got %+v, want %+v", dir, got, want)
		}
		if got.point == "/mnt/a b" {
			m := mount{options: options}
			if m.option("upperdir") != "/mnt/up per" || !slices.Contains(options, "volatile") {
				t.Errorf("got %q, want the upper folder and volatile", options)
			}
		}
	}
	if got := mountOf("", "/x"); got.kind != "" {
		t.Errorf("got %+v of an empty table", got)
	}
}

// What is below counts: a file system on a loop device is as stable as the file that it is in.
func TestPlaceOnAnother(t *testing.T) {
	p := place{filesystem: "ext4 on loop0"}.on(place{filesystem: "tmpfs", unstable: "tmpfs"})
	if p.filesystem != "ext4 on loop0 on tmpfs" || p.judge(nil) != result.StorageUnstable+": tmpfs" {
		t.Errorf("got %+v", p)
	}
}
