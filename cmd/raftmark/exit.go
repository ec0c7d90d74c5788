package main

import (
	"errors"
	"fmt"
)

// exitCode is what the process says at its end; the meanings are part of the command line's contract.
type exitCode int

const (
	exitOK            exitCode = 0
	exitRunError      exitCode = 1
	exitUsage         exitCode = 2
	exitThreshold     exitCode = 3
	exitCannotResolve exitCode = 4
	exitInvalid       exitCode = 5
	exitUnsafe        exitCode = 6
	exitStorage       exitCode = 74 // EX_IOERR of sysexits.h
	exitInterrupted   exitCode = 130
)

// exitError carries an exit code to run. A nil err means that everything was said already.
type exitError struct {
	code exitCode
	err  error
}

// Error implements error.
func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

// Unwrap returns the wrapped error.
func (e exitError) Unwrap() error { return e.err }

// usageError marks err as the caller's: exit code 2.
func usageError(err error) error { return exitError{code: exitUsage, err: err} }

// codeOf returns the exit code of err: its own, or 1.
func codeOf(err error) exitCode {
	var exit exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		return exit.code
	default:
		return exitRunError
	}
}
