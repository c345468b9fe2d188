//go:build unix

package bench

import "syscall"

// moreFiles lets this process open as many files as it may, and tells how many.
func moreFiles() int {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 1000
	}
	l.Cur = l.Max
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l) // Go has done so already, mostly
	return int(min(l.Max, 1<<20))
}
