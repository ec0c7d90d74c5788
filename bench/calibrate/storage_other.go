//go:build !linux

package calibrate

// placeOf knows nothing: only the measurement speaks here.
func placeOf(string) place { return place{} }
