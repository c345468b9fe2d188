//go:build race

package device_test

// slotSparse: the race detector makes a boot several times slower, so of power cuts one in this many is made.
const slotSparse = 3
