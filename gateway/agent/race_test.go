//go:build race

package agent_test

// many is how many things return at once: fewer where all is ten times slower.
const many = 200
