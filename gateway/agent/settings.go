package agent

import (
	"crypto/sha256"
	"encoding/json"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/agent"
)

// shortTrial is how many seconds a new version is on trial in a development pool: who
// writes code commits again before the minute of other pools is over, and no update is
// taken during a trial.
const shortTrial = 5

// settings gives what the thing is told to be; their tag is made of them.
func (t *thing) settings() *wire.Settings {
	v := map[string]any{}
	known, _, _ := t.d.cfg.Registry.Get(t.ref)
	if known.GivenName != "" {
		v["name"] = known.GivenName
	}
	if w, ok := t.d.cfg.Releases.Wanted(t.ref); ok && !w.App.Hidden {
		v["worker_interval"], v["management_interval"] = w.Settings.Worker, w.Settings.Management
		v["setup_timeout"] = w.Settings.SetupTimeout
		if w.Kind == roost.Development {
			v["trial"] = shortTrial
		}
		if w.Settings.Battery {
			v["sync_interval"] = w.Settings.Management
		}
		if w.Settings.Backend != "" {
			v["server"] = server(w.Settings)
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil // texts and numbers always encode
	}
	d := sha256.Sum256(text)
	return &wire.Settings{Tag: hexOf(d[:4]), Values: v}
}

func server(s roost.AppSettings) string {
	if s.TLS {
		return "https://" + s.Backend
	}
	return "http://" + s.Backend
}
