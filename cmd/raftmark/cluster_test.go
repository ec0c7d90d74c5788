package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/raftmark/raftmark/internal/exit"
)

// programEnv makes this test binary the program itself: clusters of processes need one. Its value is a file that the
// test binary has locked, see endWith.
const programEnv = "RAFTMARK_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if locked := os.Getenv(programEnv); locked != "" {
		go endWith(locked)
		if os.Getenv(lieEnv) != "" {
			if err := startLying(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(int(exit.RunError))
			}
		}
		main()
	}
	os.Exit(runLocked(m))
}

// runLocked runs the tests with a locked file for the processes that they start.
func runLocked(m *testing.M) int {
	file, err := os.CreateTemp("", "raftmark-test-")
	if err == nil {
		defer func() { _ = os.Remove(file.Name()) }()
		err = errors.Join(unix.Flock(int(file.Fd()), unix.LOCK_EX), os.Setenv(programEnv, file.Name()))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	_ = file.Close() // and not before, which would give up the lock
	return code
}

// endWith ends this process, as an interrupt would, when the test binary is gone: the lock goes with it, whoever killed
// it. A detached cluster would run on.
func endWith(locked string) {
	if file, err := os.Open(locked); err == nil {
		defer func() { _ = file.Close() }()
		for err = unix.EINTR; errors.Is(err, unix.EINTR); {
			err = unix.Flock(int(file.Fd()), unix.LOCK_SH)
		}
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
	time.Sleep(nodeLastGrace)
	os.Exit(int(exit.RunError))
}

// program runs the program in a folder, as a process of its own, and wants an exit code and words in what it prints.
func program(t *testing.T, dir string, want int, says []string, args ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	for _, words := range says {
		if !strings.Contains(string(out), words) {
			t.Errorf("raftmark %s: want %q in\n%s", strings.Join(args, " "), words, out)
		}
	}
	if code := cmd.ProcessState.ExitCode(); code != want {
		t.Fatalf("raftmark %s: got exit code %d, want %d\n%s", strings.Join(args, " "), code, want, out)
	}
	return string(out)
}

// What the README shows of a local cluster, in its order.
func TestClusterGrowsAndShrinks(t *testing.T) {
	dir := t.TempDir()
	run := func(want int, says, args string) string {
		t.Helper()
		return program(t, dir, want, strings.Split(says, "|"), strings.Fields(args)...)
	}
	t.Cleanup(func() { run(0, "", "cluster down") })
	run(0, "3 nodes over tcp", "cluster up -n 3 --detach")
	run(0, "node 4  redis 127.0.0.1:", "cluster add")
	run(0, "members 1 2 3 4, from entry|committed", "ctl members")
	run(0, "node 4 leads", "ctl transfer 4")
	run(0, "node 1: the log begins after entry 0|node 4: the log", "ctl snapshot")
	run(0, "members 1 2 3 +4", "ctl members demote 4")
	run(1, "not a voter: the members are 1 2 3 +4", "ctl transfer 4")
	run(1, "impossible membership change", "ctl members demote 1 2 3")
	run(1, "not a member: remove 9; the members are 1 2 3 +4", "ctl members remove 9")
	run(0, "members 1 2 3 4", "ctl members promote 4")
	run(0, "members 1 2 3 4", "ctl members priority 4 5")
	run(0, "node 1 is removed and stopped", "cluster remove 1")
	run(1, "remove node 1: there is none", "cluster remove 1")
	status := run(0, "follower|leader", "cluster status")
	run(0, "members 2 3 4", "ctl members list")

	// A node that is killed is shown with what is known of it.
	var victim []string
	for line := range strings.Lines(status) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[1] == "follower" {
			victim = fields
		}
	}
	if victim == nil {
		t.Fatalf("no follower in\n%s", status)
	}
	pid, err := strconv.Atoi(victim[len(victim)-1])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed := run(1, "unreachable", "cluster status")
	for line := range strings.Lines(killed) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == "unreachable" &&
			(fields[0] != victim[0] || !strings.Contains(line, victim[len(victim)-3]) ||
				!strings.Contains(line, victim[len(victim)-2])) {
			t.Errorf("got %q, want node %s with its ports", line, victim[0])
		}
	}
}

// A test that is killed cannot clean up: what it started must end by itself.
func TestAbortedTestLeavesNothing(t *testing.T) {
	const abortedEnv = "RAFTMARK_TEST_ABORTED"
	if dir := os.Getenv(abortedEnv); dir != "" {
		program(t, dir, 0, nil, "cluster", "up", "-n", "1", "--detach")
		fmt.Println("up")
		select {}
	}
	dir := t.TempDir()
	aborted := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	test := func(v string) bool { return strings.HasPrefix(v, programEnv+"=") }
	aborted.Env = append(slices.DeleteFunc(os.Environ(), test),
		abortedEnv+"="+dir, "TMPDIR="+dir)
	out, err := aborted.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := aborted.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	killed := aborted.Process.Kill()
	_ = aborted.Wait() // it was killed
	if err := errors.Join(err, killed); err != nil || line != "up\n" {
		t.Fatalf("got %q, %v, want a cluster that is up", line, err)
	}
	s, _, err := readClusterState(filepath.Join(dir, clusterDirDefault))
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, running, err := runningCluster(filepath.Join(dir, clusterDirDefault))
		if err != nil {
			t.Fatal(err)
		}
		answers := false
		for _, address := range s.admins() {
			if c, err := net.Dial("tcp", address); err == nil {
				answers = true
				_ = c.Close()
			}
		}
		if !running && !answers {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("10s after the test was killed: the keeper runs: %v, its node: %v", running, answers)
		}
	}
}
