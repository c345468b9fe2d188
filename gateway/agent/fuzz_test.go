package agent_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/roost-iot/roost/gateway/agent"
	wire "github.com/roost-iot/roost/wire/agent"
)

// Whatever comes in clear, the door answers with a JSON object and never fails inside.
func FuzzClear(f *testing.F) {
	h := build(f, plan{})
	c := h.board("")
	for _, path := range []string{"join", "hello", "time", "register", "sync", "files/00", "../x"} {
		for _, body := range []string{
			`{"id":"` + c.ID + `","nonce":"00112233445566778899aabbccddeeff"}`, `{"id":"x","nonce":"zz"}`,
			`{"mac":"28cdc1010203","pub":"07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c"}`,
			`{"mac":"28cdc1010203","pub":"` + strings.Repeat("0", 64) + `"}`, `[]`, ``, strings.Repeat("\x00", 40),
		} {
			f.Add(path, body)
		}
	}
	f.Fuzz(func(t *testing.T, path, body string) {
		r := httptest.NewRequest(http.MethodPost, agent.Base+"x", strings.NewReader(body))
		r.URL.Path = agent.Base + path
		r.Header.Set("Authorization", body)
		w := httptest.NewRecorder()
		h.door.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError || !strings.HasPrefix(w.Body.String(), "{") {
			t.Errorf("%s %q: %d %s", path, body, w.Code, w.Body)
		}
	})
}

// Whatever a thing seals, the door lives on, and the thing's next sync is served.
func FuzzSealed(f *testing.F) {
	h := build(f, plan{change: func(c *agent.Config) { c.Burst = 1 << 30 }})
	c := h.board("")
	s := h.greet(c)
	for _, v := range []any{
		said(boot1),
		wire.Sync{Boot: boot1, Queue: []wire.Entry{{At: 5, Kind: wire.EntryValues, Body: `{"a":1}`}, {At: 6, Kind: wire.EntryLog, Body: `["error","x","Traceback\nE: y"]`}}, Again: 2},
		wire.Sync{Boot: boot2, Acks: []wire.Ack{{ID: "x"}}, Have: []string{""}, Update: &wire.Progress{Kind: "app", Ver: "1", State: wire.Returned}, Slots: &wire.Slots{}},
		wire.Sync{Boot: boot1, Status: map[string]wire.Status{"worker": {Text: "\x00"}}, Update: &wire.Progress{Kind: "x", State: wire.Confirmed}},
	} {
		b, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(true, b)
		f.Add(false, b)
	}
	counter := uint32(0)
	f.Fuzz(func(t *testing.T, sync bool, plain []byte) {
		path := wire.PathRegister
		if sync {
			path = wire.PathSync
			var q wire.Sync
			if json.Unmarshal(plain, &q) == nil && q.Wait > 0 {
				return // it would wait
			}
		}
		counter++
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(string(s.SealUp(path, counter, plain))))
		w := httptest.NewRecorder()
		h.door.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError || w.Code == http.StatusUnauthorized {
			t.Errorf("%s %q: %d %s", path, plain, w.Code, w.Body)
		}
	})
}
