//go:build invariants

package invariant

// Enabled says that expensive checks are compiled in (build tag "invariants").
const Enabled = true

// Mangle overwrites a buffer that was released, so that whoever still reads it notices.
func Mangle(b []byte) {
	for i := range b {
		b[i] = 0xdb
	}
}
