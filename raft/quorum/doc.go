// Package quorum counts majorities (§5.2, §5.3): what a set of voters has decided, from what each of them
// said.
//
// It knows neither nodes nor logs: votes come as counts, log positions as numbers. [Joint] combines two
// majorities for joint consensus (§6), where a decision needs a majority of the old configuration and one
// of the new.
//
// An empty set of voters decides nothing by itself and never stands in the way of the other half of a joint
// configuration: its committed position is the largest number, its vote is won.
package quorum
