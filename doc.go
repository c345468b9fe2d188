// Package roost holds the vocabulary of Roost: what a thing, a resource, a
// reading and a command are. It has no I/O and imports the standard library
// only; every other package speaks in its words.
package roost
