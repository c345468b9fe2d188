package bench

import "os"

// usage is the CPU time of the server and of this process at one moment.
type usage struct {
	server, own     float64
	serverOK, ownOK bool
}

func usageNow(pid int) (u usage) {
	if pid != 0 {
		u.server, u.serverOK = cpuSeconds(pid)
	}
	u.own, u.ownOK = cpuSeconds(os.Getpid())
	return u
}

// used fills in what was used between two moments, and the server's memory now.
func (r *Result) used(pid int, before, after usage) {
	if before.serverOK && after.serverOK {
		d := after.server - before.server
		r.ServerCPU = &d
	}
	if before.ownOK && after.ownOK {
		d := after.own - before.own
		r.OwnCPU = &d
	}
	if pid != 0 {
		if n, ok := memoryBytes(pid); ok {
			r.ServerMemory = &n
		}
	}
}
