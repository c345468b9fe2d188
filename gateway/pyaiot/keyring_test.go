package pyaiot

import (
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// ring is a keyring that a test changes.
type ring struct {
	mu   sync.Mutex
	keys []NamedKey
}

func (r *ring) all() []NamedKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys
}

func (r *ring) set(keys ...NamedKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = keys
}

func TestEachGatewayHasItsKeyAndTheKeyFileStaysGood(t *testing.T) {
	attic := NamedKey{ID: "k1", Name: "attic", Keys: wire.GenerateKeys()}
	yard := NamedKey{ID: "k2", Name: "yard", Keys: wire.GenerateKeys()}
	r := &ring{keys: []NamedKey{attic, yard}}
	h := build(t, func(c *Config) { c.Keyring = r.all })
	client := h.client()
	for _, keys := range []wire.Keys{attic.Keys, h.keys} {
		gw := h.gatewayWith(keys)
		gw.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
		client.Want(`{"type": "new", "uid": "n1", "dst": "all"}`)
		gw.Send(`{"type": "out", "uid": "n1"}`)
		client.Want(`{"type": "out", "uid": "n1"}`)
	}
	gw := h.gatewayWith(yard.Keys)
	gw.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	roomtest.Eventually(t, "the key names the gateway", func() bool {
		thing, _, ok := h.registry.Get(roost.Ref{Project: roost.Home, Thing: "n1"})
		return ok && thing.Gateway == "yard"
	})
	names := map[string]string{}
	for _, s := range h.door.Gateways() {
		if !s.Connected || s.Since.IsZero() || s.Remote == "" {
			t.Errorf("%+v", s)
		}
		names[s.Key] = s.Name
	}
	if len(names) != 3 || names["k1"] != "attic" || names["k2"] != "yard" || names[wire.FileKey] != "127.0.0.1" {
		t.Errorf("keys and names: %v", names)
	}
}

func TestRevokedKeyIsCutAndNotLetIn(t *testing.T) {
	attic, yard := NamedKey{ID: "k1", Name: "attic", Keys: wire.GenerateKeys()}, NamedKey{ID: "k2", Name: "yard", Keys: wire.GenerateKeys()}
	r := &ring{keys: []NamedKey{attic, yard}}
	h := build(t, func(c *Config) { c.Keyring = r.all })
	client := h.client()
	cut, kept := h.gatewayWith(attic.Keys), h.gatewayWith(yard.Keys)
	cut.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	client.Want(`{"type": "new", "uid": "n1", "dst": "all"}`)
	r.set(yard)
	h.door.Expel("k1")
	if closed := cut.WantClose(); closed.Code != websocket.StatusPolicyViolation {
		t.Errorf("closed with %v", closed)
	}
	client.Want(`{"type": "out", "uid": "n1"}`)
	h.fence(kept, client)
	status, body, _ := h.knock("/gw", protocolHeader+": token,"+attic.Token(time.Now()))
	if status != 401 || body != "Invalid token" {
		t.Errorf("revoked key: %d %s", status, body)
	}
	if list := h.door.Gateways(); len(list) != 1 || list[0].Key != "k2" {
		t.Errorf("gateways: %+v", list)
	}
}

func TestGatewayThatIsAwayIsRemembered(t *testing.T) {
	h := build(t, nil)
	gw := h.gateway()
	gw.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	roomtest.Eventually(t, "its thing is counted", func() bool {
		list := h.door.Gateways()
		return len(list) == 1 && list[0].Things == 1
	})
	if err := gw.Conn.CloseNow(); err != nil {
		t.Fatal(err)
	}
	roomtest.Eventually(t, "it is away", func() bool {
		list := h.door.Gateways()
		return len(list) == 1 && !list[0].Connected && list[0].LastError != "" && !list[0].LastSeen.IsZero()
	})
	h.gateway()
	roomtest.Eventually(t, "it is back", func() bool {
		list := h.door.Gateways()
		return len(list) == 1 && list[0].Connected
	})
}

func (h *house) gatewayWith(keys wire.Keys) *roomtest.Peer {
	h.t.Helper()
	return h.dial("/gw", &websocket.DialOptions{Subprotocols: []string{"token", keys.Token(time.Now())}})
}
