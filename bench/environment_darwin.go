package bench

import "golang.org/x/sys/unix"

func cpuModel() string {
	model, err := unix.Sysctl("machdep.cpu.brand_string")
	if err != nil {
		return ""
	}
	return model
}

func memoryBytes() uint64 {
	n, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0
	}
	return n
}

func filesystem(dir string) string {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return ""
	}
	return unix.ByteSliceToString(fs.Fstypename[:])
}

func virtualization() string {
	if guest, err := unix.SysctlUint32("kern.hv_vmm_present"); err == nil && guest == 1 {
		return "hypervisor"
	}
	return ""
}

// readCPU knows no steal on darwin.
func readCPU() cpuTimes { return cpuTimes{} }
