package result

import (
	"errors"
	"fmt"
	"strings"
)

// ErrSchema is wrapped by the error of a file whose schema this package does not know.
var ErrSchema = errors.New("unknown schema")

// ErrNotResult is wrapped by the error of a path that is not a result directory.
var ErrNotResult = errors.New("not a result directory")

// FileError says which place of a result directory is wrong.
type FileError struct {
	File  string // name within the directory
	Line  int    // from 1; 0 when the whole file is meant
	Field string // column or JSON field; "" when the whole line is meant
	Err   error
}

// Error implements error: "trials.csv line 3, inject_us: ...".
func (e *FileError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, " line %d", e.Line)
	}
	if e.Field != "" {
		fmt.Fprintf(&b, ", %s", e.Field)
	}
	return b.String() + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

func fileErrorf(file string, line int, field, format string, args ...any) *FileError {
	return &FileError{File: file, Line: line, Field: field, Err: fmt.Errorf(format, args...)}
}
