package release

import (
	_ "embed"

	"github.com/roost-iot/roost"
)

// The two files that a PythingsOS device downloads.
const (
	workerFile     = "worker_task.py"
	managementFile = "management_task.py"
)

var (
	//go:embed files/worker_task.py
	firstWorker string
	//go:embed files/management_task.py
	firstManagement string
	//go:embed files/idle/worker_task.py
	idleWorker string
	//go:embed files/idle/management_task.py
	idleManagement string
)

// firstFiles is what a new app begins with; idleFiles does nothing, for things without an app.
func firstFiles() map[string]string {
	return map[string]string{workerFile: firstWorker, managementFile: firstManagement}
}

func idleFiles() map[string]string {
	return map[string]string{workerFile: idleWorker, managementFile: idleManagement}
}

// Intervals in seconds that things have until somebody says otherwise.
const (
	firstManagementInterval = 60
	firstWorkerInterval     = 300
	idleManagementInterval  = 5
	firstSetupTimeout       = 60
)

// unbound is the pool of things without an app.
const unbound = "unbound"

// firstSettings is what the pools of a new app say.
func (n NewApp) firstSettings(commit string) roost.AppSettings {
	return roost.AppSettings{
		OS: n.OS, App: commit, Management: n.Management, Worker: n.Worker, TLS: true, SetupTimeout: firstSetupTimeout,
	}
}

// firstPools gives production, which stays where it is, and staging and development,
// which follow when Latest is set.
func (n NewApp) firstPools(c roost.Commit) []roost.Pool {
	var all []roost.Pool
	for _, kind := range []roost.PoolKind{roost.Production, roost.Staging, roost.Development} {
		p := roost.Pool{Project: c.Project, App: c.App, Name: string(kind), Kind: kind, Settings: n.firstSettings(c.ID), Base: c.ID, Edited: c.At}
		if n.Latest && kind != roost.Production {
			p.Settings.App = roost.Latest
		}
		all = append(all, p)
	}
	return all
}
