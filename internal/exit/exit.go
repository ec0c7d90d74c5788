package exit

import (
	"errors"
	"fmt"
)

// Code is what the process says at its end; the meanings are part of the command line's contract.
type Code int

// The exit codes.
const (
	OK            Code = 0
	RunError      Code = 1
	UsageError    Code = 2
	Threshold     Code = 3
	CannotResolve Code = 4
	Invalid       Code = 5
	Unsafe        Code = 6
	Storage       Code = 74 // EX_IOERR of sysexits.h
	Interrupted   Code = 130
)

// Error carries an exit code to the end of the program. A nil Err means that everything was said already.
type Error struct {
	Code Code
	Err  error
}

// Error implements error.
func (e Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns the wrapped error.
func (e Error) Unwrap() error { return e.Err }

// Usage marks err as the caller's: exit code 2.
func Usage(err error) error { return Error{Code: UsageError, Err: err} }

// Of returns the exit code of err: its own, or 1.
func Of(err error) Code {
	var own Error
	switch {
	case err == nil:
		return OK
	case errors.As(err, &own):
		return own.Code
	default:
		return RunError
	}
}

// Said says that nothing about err is left to be printed: there is none, or it only carries a code.
func Said(err error) bool {
	var own Error
	return err == nil || errors.As(err, &own) && own.Err == nil
}
