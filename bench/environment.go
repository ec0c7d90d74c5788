package bench

import (
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"github.com/raftmark/raftmark/bench/result"
)

// stealWarning is the CPU steal, in percent, from which a result carries a warning.
const stealWarning = 1.0

// environment captures the machine; what it does not say stays empty.
//
// Note: a library for this was rejected: what a report needs is five short files of Linux and a few sysctls of darwin.
func environment(dataDir, placement string) result.Environment {
	e := result.Environment{
		OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), GOMAXPROCS: runtime.GOMAXPROCS(0),
		GoVersion: runtime.Version(), Placement: placement,
		CPUModel: cpuModel(), MemoryBytes: memoryBytes(), Filesystem: filesystem(dataDir), Virtual: virtualization(),
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err == nil {
		e.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	return e
}

// cpuTimes is a reading of all CPUs' time, in any unit; zero where the system does not say.
type cpuTimes struct{ total, steal float64 }

// stealSince returns the share of CPU time, in percent, that the host gave to others since before.
func stealSince(before cpuTimes) float64 {
	now := readCPU()
	if now.total <= before.total {
		return 0
	}
	return 100 * (now.steal - before.steal) / (now.total - before.total)
}

// buildVersion returns what the program was built from, as far as the toolchain recorded it.
func buildVersion() (version, commit string, dirty bool) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", "", false
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			commit = setting.Value
		case "vcs.modified":
			dirty = setting.Value == "true"
		}
	}
	return info.Main.Version, commit, dirty
}
