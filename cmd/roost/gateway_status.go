package main

import (
	"encoding/json"
	"net"
	"net/http"
	"time"

	"github.com/roost-iot/roost/gateway/pyaiot"
	"github.com/roost-iot/roost/gateway/relay"
)

// lineStatus is what /status of a far gateway says.
type lineStatus struct {
	Name      string      `json:"name"`
	Version   string      `json:"version"`
	Hub       string      `json:"hub"`
	Kind      string      `json:"kind"` // roost or pyaiot
	Doors     []string    `json:"doors"`
	Connected bool        `json:"connected"`
	Since     *time.Time  `json:"since,omitempty"`
	Things    int         `json:"things"`
	Lag       int64       `json:"lag"` // ms: the age of the oldest that the hub does not have
	Spool     *spoolState `json:"spool,omitempty"`
	LastError string      `json:"lastError,omitempty"`
}

type spoolState struct {
	Entries uint64 `json:"entries"`
	Bytes   int64  `json:"bytes"`
	Dropped uint64 `json:"dropped"`
}

// status tells this machine, and nobody else, how the line stands.
func (o *outpost) status(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	named, _, bad := net.SplitHostPort(r.Host)
	if bad != nil {
		named = r.Host
	}
	if err != nil || !isLoopback(host) || !isLoopback(named) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(o.lineStatus()) // who asked may be gone
}

func (o *outpost) lineStatus() lineStatus {
	s := lineStatus{Name: o.Name, Version: version, Hub: o.Hub, Doors: o.doors}
	since := func(t time.Time) {
		if !t.IsZero() {
			s.Since = &t
		}
	}
	switch line := o.line.(type) {
	case *relay.Client:
		st := line.Status()
		since(st.Since)
		s.Kind, s.Connected, s.Things, s.Lag, s.LastError = hubRoost, st.Connected, st.Things, st.Lag.Milliseconds(), st.LastError
		s.Spool = &spoolState{Entries: st.Spool.Entries, Bytes: st.Spool.Bytes, Dropped: st.Spool.Dropped}
	case *pyaiot.Uplink:
		st := line.Status()
		since(st.Since)
		s.Kind, s.Connected, s.Things, s.LastError = hubPyaiot, st.Connected, st.Things, st.LastError
	}
	return s
}
