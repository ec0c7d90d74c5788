package bench

import (
	"runtime"
	"testing"
)

func TestEnvironmentIsFilled(t *testing.T) {
	e := environment(t.TempDir(), PlacementProcess)
	t.Logf("%+v", e)
	if e.Kernel == "" || e.CPUs < 1 || e.Placement != PlacementProcess {
		t.Errorf("got %+v", e)
	}
	if runtime.GOOS == "linux" && (e.MemoryBytes == 0 || e.Filesystem == "") {
		t.Errorf("got memory %d, file system %q; want both", e.MemoryBytes, e.Filesystem)
	}
}

func TestStealIsAShare(t *testing.T) {
	if got := stealSince(readCPU()); got < 0 || got > 100 {
		t.Errorf("got %v %%, want 0 to 100", got)
	}
	if got := stealSince(cpuTimes{total: 1e18}); got != 0 {
		t.Errorf("got %v for a clock that went back, want 0", got)
	}
}
