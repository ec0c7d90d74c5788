// Package exit says what a program of this repository reports at its end: the exit codes, which are part of the command
// line's contract, and an error that carries one.
//
//	return exit.Usage(err)                     2
//	return exit.Error{Code: exit.Unsafe}       6, and everything was said already
//	os.Exit(int(exit.Of(err)))
package exit
