package invariant

import "fmt"

// Check panics with the formatted message when ok is false: a programmer's error, never an operating one.
// The message is formatted only then.
func Check(ok bool, format string, args ...any) {
	if !ok {
		panic("invariant violated: " + fmt.Sprintf(format, args...))
	}
}
