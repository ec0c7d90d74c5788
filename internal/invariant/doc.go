// Package invariant states what must always hold.
//
// [Check] is on in every build: it is cheap, and it turns a silent corruption into a crash with a reason. What costs
// more runs only when [Enabled] is true, that is with the build tag "invariants", as all tests are run.
package invariant
