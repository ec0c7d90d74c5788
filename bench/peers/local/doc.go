// Package local is what the nodes of other libraries need of this machine: addresses on the loopback interface, and a
// memory of what they applied.
//
// It decides nothing that is measured.
package local
