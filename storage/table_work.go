package storage

// TableWork counts what an engine did to its tables since it was opened: the work that a write does not wait for, and
// that it may still have to wait beside.
type TableWork struct {
	Flushes uint64 // of memory to a table
	Merges  uint64 // of tables with each other; moves included
}

// Add returns the sum.
func (w TableWork) Add(other TableWork) TableWork {
	return TableWork{Flushes: w.Flushes + other.Flushes, Merges: w.Merges + other.Merges}
}
