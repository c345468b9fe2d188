package agent_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/agent"
	wire "github.com/roost-iot/roost/wire/agent"
)

// BenchmarkSync is a thousand things in turn, without sockets: an idle sync, and one that
// brings values, which are on disk when it is answered.
func BenchmarkSync(b *testing.B) {
	for name, queue := range map[string]bool{"idle": false, "values": true} {
		b.Run(name, func(b *testing.B) { benchSync(b, queue) })
	}
}

func benchSync(b *testing.B, queue bool) {
	h := build(b, plan{change: func(c *agent.Config) { c.Burst = 1 << 30 }})
	const things = 1000
	var sessions [things]*wire.Session
	var counters [things]uint32
	set := ""
	for i := range sessions {
		c := h.board("")
		sessions[i] = h.greet(c)
		r, err := json.Marshal(said(boot1))
		if err != nil {
			b.Fatal(err)
		}
		code, frame := h.post(wire.PathRegister, sessions[i].SealUp(wire.PathRegister, 1, r))
		if code != http.StatusOK {
			b.Fatal(code)
		}
		_, plain, err := sessions[i].OpenDown(wire.PathRegister, frame)
		var a wire.RegisterAnswer
		if err != nil || json.Unmarshal(plain, &a) != nil {
			b.Fatal(err)
		}
		counters[i], set = 1, a.Settings.Tag
	}
	at := time.Now().UnixMilli()
	call := func(i int) {
		q := wire.Sync{Boot: boot1, Set: set, Mem: 90000, OS: "1.0.0", App: "0"}
		if queue {
			at++
			q.Queue = []wire.Entry{{At: at, Kind: wire.EntryValues, Body: roost.Value(`{"temperature":21.5,"humidity":40}`)}}
		}
		body, err := json.Marshal(q)
		if err != nil {
			b.Fatal(err)
		}
		counters[i]++
		w := httptest.NewRecorder()
		h.door.ServeHTTP(w, httptest.NewRequest(http.MethodPost, wire.PathSync, bytes.NewReader(sessions[i].SealUp(wire.PathSync, counters[i], body))))
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		call(n % things)
	}
}
