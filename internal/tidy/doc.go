// Package tidy holds the tree to its own laws: what may import what, how large a file may grow, where the package
// documentation lives, which names and habits are not used here, and that what the documentation names is there.
//
//	fs.FS ──► Load ──► Tree ──► each Rule ──► []Violation (file:line, what, why)
//
// The laws L1 to L4 of docs/architecture.md are a table in law.go: each row names packages, what they must not
// import, and the reason, which is printed beside the violation. The other rules are one small function each.
//
// The rules run as the package's tests, over the repository; so `go test ./internal/tidy` is the whole command. Each
// rule also has a fixture in testdata/<rule>.txtar: a small tree that breaks it, and the violations that must be
// reported. A rule without a fixture fails the tests, for a check that cannot fail checks nothing.
//
// What it does not do: it does not fix anything, it sees neither generated output nor other modules below this one
// (their text is still searched for banned words), and it judges sources as they are on disk, not as committed.
package tidy
