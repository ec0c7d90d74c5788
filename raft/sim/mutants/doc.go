// Package mutants breaks the code on purpose, one rule at a time, and shows that something notices: a
// simulated run, a script, a test. A rule whose break nobody notices is not tested.
//
// A mutant is a change of source text: in a file, exactly one place that says old says new instead. The
// compiler is given the changed file in the place of the original (go build -overlay), so that the code
// itself carries no hooks, and what is broken is what is shipped. A test that always runs checks that each
// mutant still finds its place.
//
//	make mutants                   all of them: killed by what, after how many seeds
//	make mutants MUTANTS=M06,M17   some
//
// The names M01 to M61 and C1 to C4 are those of the field's known mistakes as the project numbers them:
// safety, then liveness, then the checkers themselves.
package mutants
