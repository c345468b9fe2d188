//go:build !linux

package bench

// Other systems tell CPU time and memory of a process in other ways: not available.

func cpuSeconds(int) (s float64, ok bool) { return 0, false }

func memoryBytes(int) (n uint64, ok bool) { return 0, false }
