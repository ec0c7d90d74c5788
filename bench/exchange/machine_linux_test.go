package exchange

import (
	"os"
	"testing"
	"time"
)

func TestTimeOfAProcess(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration
	}{
		{"7 (a) b) (c) S 1 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 99", 260 * time.Millisecond},
		{"7 (ksoftirqd/1) S 1 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 99", 0},
		{"7 (cut) S 1 7", 0},
		{"", 0},
	} {
		if got := processTime(c.text); got != c.want {
			t.Errorf("%q: got %v, want %v", c.text, got, c.want)
		}
	}
}

// A process that works is in the count unless it is named as own.
func TestOthersLeaveOwnOut(t *testing.T) {
	for start := processCPU(); processCPU()-start < 50*time.Millisecond; { // some ticks of its own
		_ = start
	}
	with, without := readMachine(), readMachine(os.Getpid())
	if with.others-without.others < 30*time.Millisecond {
		t.Errorf("with this process %v, without %v", with.others, without.others)
	}
}
