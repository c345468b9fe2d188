//go:build !race

package device_test

const slotSparse = 1
