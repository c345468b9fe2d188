//go:build !race

package agent_test

// many is how many things return at once.
const many = 1000
