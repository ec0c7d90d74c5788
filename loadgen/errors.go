package loadgen

import "errors"

// ErrStuck is returned by Run and ReadBack when the target did not end its operations, not even when it was closed.
var ErrStuck = errors.New("target did not end all operations")
