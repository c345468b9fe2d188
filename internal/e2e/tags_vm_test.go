//go:build vm

package e2e

// tags are those that the program is built with: as the tests were.
const tags = "vm"
