//go:build unix

package micropython

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime also reports what an operation costs in CPU time, which a busy
// machine disturbs less.
func cpuTime(b *testing.B) (report func()) {
	used := func() time.Duration {
		var u unix.Rusage
		_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	began := used()
	return func() { b.ReportMetric(float64((used()-began).Microseconds())/float64(b.N), "cpu-µs/op") }
}
