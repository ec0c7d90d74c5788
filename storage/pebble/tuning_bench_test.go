package pebble

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/raftmark/raftmark/storage"
)

var (
	tuningsOut  = flag.String("tunings", "", "file for the table of what each tuning brings")
	tuningsFor  = flag.Duration("tunings-for", 270*time.Second, "how long to measure, in whole rounds")
	tuningsArms = flag.String("tunings-arms", "kept", "kept: the tunings that are shipped, each undone; syncs: the\n"+
		"ways to wait for a sync; tried: what is not shipped; or a regular expression")
)

// Environment of the process that measures one arm.
const (
	armEnv    = "RAFTMARK_TUNING_ARM"
	armDirEnv = "RAFTMARK_TUNING_DIR"
	armFile   = "sample.json"
)

// TestMain measures the tunings instead of running the tests when it is asked to: with -tunings all arms (make
// bench-storage), and in the processes that this starts one of them.
func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	switch {
	case os.Getenv(armEnv) != "":
		err = measureHere(os.Getenv(armEnv), os.Getenv(armDirEnv))
	case *tuningsOut != "":
		err = benchTunings()
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// benchTunings measures the log as shipped and with each tuning undone. Arms are interleaved: each round measures every
// arm once, in an order of its own, in a process of its own.
func benchTunings() error {
	dir := os.Getenv("RAFTMARK_DIR")
	if dir == "" {
		dir = filepath.Dir(*tuningsOut)
	}
	if fs, err := notStable(dir); err != nil || fs != "" {
		return errors.Join(err, fmt.Errorf("%s is on %q: want a file system with a disk under it; set RAFTMARK_DIR", dir, fs))
	}
	all, err := chooseArms(*tuningsArms)
	if err != nil {
		return err
	}
	before, rounds := machine(), 0
	began := time.Now()
	for took := time.Duration(0); rounds == 0 || time.Since(began)+took < *tuningsFor; rounds++ {
		from := time.Now()
		for _, i := range rand.New(rand.NewPCG(uint64(rounds), 0)).Perm(len(all)) {
			s, err := measureApart(all[i].arm, dir)
			if err != nil {
				return fmt.Errorf("arm %q: %w", all[i].arm, err)
			}
			all[i].rounds = append(all[i].rounds, s)
		}
		took = time.Since(from)
		fmt.Fprintf(os.Stderr, "round %d: %v\n", rounds+1, took.Round(time.Second))
	}
	text := tuningsPage(all, rounds, before)
	fmt.Print(text)
	return os.WriteFile(*tuningsOut, []byte(text), 0o644)
}

// chooseArms returns the log as shipped, twice, and the arms that were asked for.
func chooseArms(which string) ([]samples, error) {
	chosen := []arm{{name: shippedArm}, {name: againArm}}
	switch which {
	case "kept":
		chosen = append(chosen, keptArms()...)
	case "syncs":
		chosen = append(chosen, syncArms()...)
	case "tried":
		chosen = append(chosen, triedArms()...)
	default:
		only, err := regexp.Compile(which)
		if err != nil {
			return nil, err
		}
		for _, a := range arms()[len(chosen):] {
			if only.MatchString(a.name) {
				chosen = append(chosen, a)
			}
		}
	}
	var all []samples
	for _, a := range chosen {
		all = append(all, samples{arm: a.name})
	}
	return all, nil
}

func tuningsPage(all []samples, rounds int, before string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "`make bench-storage`: %d rounds, %s, %d processors, %s; at the end: %s.\n\n", rounds,
		time.Now().UTC().Format("2006-01-02"), runtime.NumCPU(), before, machine())
	b.WriteString("The first row: median (least–most) of the rounds. The others: median, and ratio to the first row\n" +
		"in the same round, as median (least–most); bold when all rounds agree on which is greater, and the\n" +
		"second row, which differs by chance alone, never had such a ratio.\n\n")
	if rounds < roundsMin {
		b.WriteString("Fewer than 3 rounds: this resolves nothing.\n\n")
	}
	writeTable(&b, all, timeFigures())
	b.WriteString("\n")
	writeTable(&b, all, costFigures())
	return b.String()
}

// armTimeout bounds the measurement of one arm in one round.
const armTimeout = 2 * time.Minute

// measureApart measures the arm in a process of its own, so that its memory and its processor time are its own.
func measureApart(name, parent string) (sample, error) {
	dir, err := os.MkdirTemp(parent, "bench-storage-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), armTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), armEnv+"="+name, armDirEnv+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, armFile))
	if err != nil {
		return nil, err
	}
	var s sample
	return s, json.Unmarshal(text, &s)
}

// measureHere measures the arm in this process, and leaves the sample in dir.
func measureHere(name, dir string) error {
	all := arms()
	i := slices.IndexFunc(all, func(a arm) bool { return a.name == name })
	if i < 0 {
		return fmt.Errorf("no arm %q", name)
	}
	s, err := measure(all[i], load{
		each:          500 * time.Millisecond,
		pipelineBytes: 96 << 20, pipelineFor: 3 * time.Second, compactBytes: 16 << 20,
		prime: true,
	}, dir, vfs.Default)
	if err != nil {
		return err
	}
	peak, err := peakBytes()
	if err != nil {
		return err
	}
	s["memory"] = float64(peak) / (1 << 20)
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, armFile), text, 0o644)
}

// TestTuningsAtToySize runs every arm in memory, and looks at what must hold of any figures.
func TestTuningsAtToySize(t *testing.T) {
	all := make([]samples, 0, len(arms()))
	for _, a := range arms() {
		small := a.options
		a.options = func(o *storage.Options) {
			if small != nil {
				small(o)
			}
			o.MemTableBytes, o.CacheBytes = storage.MemTableBytesMin, storage.CacheBytesMin
		}
		s, err := measure(a, load{
			each: time.Millisecond, pipelineBytes: 3 << 20, pipelineFor: 10 * time.Second, compactBytes: 1 << 20,
		}, "/toy", vfs.NewMem())
		if err != nil {
			t.Fatalf("%s: %v", a.name, err)
		}
		for _, f := range timeFigures() {
			if s[f.key] <= 0 {
				t.Errorf("%s: %s is %v", a.name, f.key, s[f.key])
			}
		}
		if s["pipeline.wal"] < 1 || s["pipeline.wal"] > 2.5 {
			t.Errorf("%s: %.2f bytes of the WAL a byte of the log", a.name, s["pipeline.wal"])
		}
		all = append(all, samples{arm: a.name, rounds: []sample{s}})
	}
	page := tuningsPage(all, 1, "toy")
	for _, a := range arms() {
		if n := strings.Count(page, "| "+a.name+" |"); n != 2 {
			t.Errorf("%s is in %d tables, want 2", a.name, n)
		}
	}
}
