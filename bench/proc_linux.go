package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// ticks are Linux's units of CPU time for user space (USER_HZ): 100 a second on
// every architecture that Go runs on.
const ticks = 100

// cpuSeconds is the CPU time that a process has used. Not ok: not available.
func cpuSeconds(pid int) (s float64, ok bool) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	// The name, field 2, stands in parentheses and may hold anything.
	fields := bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:])
	if len(fields) < 13 {
		return 0, false
	}
	user, err1 := strconv.ParseUint(string(fields[11]), 10, 64)   // field 14, utime
	system, err2 := strconv.ParseUint(string(fields[12]), 10, 64) // field 15, stime
	return float64(user+system) / ticks, err1 == nil && err2 == nil
}

// memoryBytes is what a process has in memory now. Not ok: not available.
func memoryBytes(pid int) (n uint64, ok bool) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(raw)
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	return pages * uint64(os.Getpagesize()), err == nil
}
