package invariant

import "fmt"

// Check panics with the formatted message when ok is false: a programmer's error, never an operating one.
// Its arguments are boxed at every call; on a hot path use [Check1], [Check2] or [Check3].
func Check(ok bool, format string, args ...any) {
	if !ok {
		fail(format, args...)
	}
}

// Check1 is Check for one argument; it allocates only when it fails.
func Check1[A any](ok bool, format string, a A) {
	if !ok {
		fail(format, a)
	}
}

// Check2 is Check for two arguments; it allocates only when it fails.
func Check2[A, B any](ok bool, format string, a A, b B) {
	if !ok {
		fail(format, a, b)
	}
}

// Check3 is Check for three arguments; it allocates only when it fails.
func Check3[A, B, C any](ok bool, format string, a A, b B, c C) {
	if !ok {
		fail(format, a, b, c)
	}
}

func fail(format string, args ...any) {
	panic("invariant violated: " + fmt.Sprintf(format, args...))
}
