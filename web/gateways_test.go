package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// rows gives the gateways that are listed, by id.
func rows(b *browser) map[string]map[string]any {
	b.t.Helper()
	all := map[string]map[string]any{}
	for _, g := range b.want(200, "GET", "/gateways", nil)["gateways"].([]any) {
		row := g.(map[string]any)
		all[row["id"].(string)] = row
	}
	return all
}

func TestKeyOfAGatewayIsShownOnce(t *testing.T) {
	h := open(t, func(c *Config) { c.PublicURL = "https://roost.example.org" })
	ada := h.owner()
	made := ada.want(201, "POST", "/gateways", map[string]any{"name": "Roof top"})
	keys, err := wire.ParseKeys([]byte(made["keyFile"].(string)))
	if err != nil {
		t.Fatalf("the key file: %v", err)
	}
	if command := made["command"]; command != "roost gateway --hub wss://roost.example.org --key-file Roof-top.keys" {
		t.Errorf("the command is %q", command)
	}
	ring := h.accounts.Keyring()
	if len(ring) != 1 || ring[0].Secret != keys.Secret || ring[0].Private != keys.Private {
		t.Errorf("the key file is of another key than %+v", ring)
	}
	ada.want(409, "POST", "/gateways", map[string]any{"name": "roof TOP"})
	_, text := ada.send("GET", "/gateways", nil)
	if strings.Contains(string(text), keys.Secret) {
		t.Error("the list shows the secret")
	}
	row := rows(ada)[ring[0].ID]
	if row["name"] != "Roof top" || row["by"] != "ada" || row["connected"] != false || row["kind"] != "" || row["keyFile"] != false {
		t.Errorf("a key that nobody has come by: %v", row)
	}
}

func TestGatewaysJoinTheirKeys(t *testing.T) {
	var here []GatewayStatus
	revoked := ""
	h := open(t, func(c *Config) {
		c.KeyFile = "/keys"
		c.Gateways = func() []GatewayStatus { return here }
		c.Revoked = func(key string) { revoked = key }
	})
	ada := h.owner()
	id := ada.want(201, "POST", "/gateways", map[string]any{"name": "roof"})["gateway"].(map[string]any)["id"].(string)
	if alone := rows(ada); len(alone) != 2 || alone[keyFileID]["keyFile"] != true || alone[keyFileID]["connected"] != false {
		t.Errorf("without a gateway: %v", alone)
	}
	now := time.UnixMilli(1764000000000)
	here = []GatewayStatus{
		{
			Key: id, Name: "x", Kind: KindRoost, Connected: true, Since: now, Remote: "192.0.2.1:5", Things: 3, Lag: 1500 * time.Millisecond,
			Spool: SpoolStatus{Entries: 4, Bytes: 100, Oldest: now}, LastSeen: now, LastError: "e", Version: "1", Doors: []string{"coap", "ws"},
		},
		{Key: id, Kind: KindRoost},
		{Name: "attic", Kind: KindPyaiot, Connected: true, Since: now},
		{Key: "of nobody", Connected: true},
	}
	all := rows(ada)
	want := fmt.Sprint(map[string]any{
		"id": id, "name": "roof", "kind": "roost", "connected": true, "since": 1764000000000.0, "remote": "192.0.2.1:5", "things": 3.0,
		"lag": 1500.0, "spool": map[string]any{"entries": 4.0, "bytes": 100.0, "oldest": 1764000000000.0, "dropped": 0.0}, "lastSeen": 1764000000000.0,
		"lastError": "e", "version": "1", "doors": []any{"coap", "ws"}, "keyFile": false, "created": all[id]["created"], "by": "ada",
	})
	if got := fmt.Sprint(all[id]); got != want {
		t.Errorf("a gateway is\n%s, want\n%s", got, want)
	}
	if len(all) != 3 || all[id+"~2"] == nil || all[keyFileID]["name"] != "attic" || all[keyFileID]["kind"] != "pyaiot" {
		t.Errorf("the list is %v", all)
	}
	h.server.seeGateways(t.Context())
	if seen := h.accounts.Keyring()[0].LastSeen; time.Since(seen) > time.Minute {
		t.Errorf("the gateway that is here was last seen at %v", seen)
	}
	ada.want(409, "DELETE", "/gateways/"+keyFileID, nil)
	ada.want(204, "DELETE", "/gateways/"+id+"~2", nil)
	if revoked != id || len(h.accounts.Keyring()) != 0 {
		t.Errorf("%q was told to be cut, the ring is %v", revoked, h.accounts.Keyring())
	}
	ada.want(404, "DELETE", "/gateways/"+id, nil)
}

func TestCredentialIsShownAtItsThing(t *testing.T) {
	var rebound []string
	h := open(t, func(c *Config) { c.Rebound = func(own string) { rebound = append(rebound, own) } })
	ada := h.owner()
	for _, door := range []string{"mqtt", "coap"} {
		_, err := h.Switchboard.Arrive(t.Context(), gateway.Arrival{
			Identity: roost.Identity{Door: door, Own: "kitchen"}, Protocol: roost.MQTT, Address: "192.0.2.7:1", Gateway: "x",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if c, there := ada.want(200, "GET", "/things/kitchen", nil)["credential"]; there {
		t.Errorf("it is bound by %v before anything was", c)
	}
	made := ada.want(201, "POST", "/credentials", map[string]any{"own": "kitchen"})
	id := made["credential"].(map[string]any)["id"]
	if made["user"] != "kitchen" {
		t.Errorf("made %v", made)
	}
	if _, err := h.accounts.CheckCredential(t.Context(), roost.Home, "kitchen", made["password"].(string)); err != nil {
		t.Errorf("the password does not let in: %v", err)
	}
	if c := ada.want(200, "GET", "/things/kitchen", nil)["credential"]; c != id {
		t.Errorf("it is bound by %v, want %v", c, id)
	}
	if c, there := ada.want(200, "GET", "/things/kitchen-coap", nil)["credential"]; there {
		t.Errorf("a thing of another door is bound by %v", c)
	}
	listed := ada.want(200, "GET", "/credentials", nil)["credentials"].([]any)
	if row := listed[0].(map[string]any); len(listed) != 1 || row["own"] != "kitchen" || row["by"] != "ada" || row["lastUsed"] == 0.0 {
		t.Errorf("listed %v", listed)
	}
	ada.want(422, "POST", "/credentials", map[string]any{"own": "a/b"})
	ada.want(204, "DELETE", "/credentials/"+id.(string), nil)
	if c, there := ada.want(200, "GET", "/things/kitchen", nil)["credential"]; there {
		t.Errorf("freed, it is bound by %v", c)
	}
	if fmt.Sprint(rebound) != "[kitchen kitchen]" {
		t.Errorf("told of %v", rebound)
	}
}

func TestWidgetsOfAThing(t *testing.T) {
	h := open(t)
	ada := h.owner()
	h.arrive("node1", true)
	ada.want(200, "PATCH", "/things/node1", map[string]any{"widgets": map[string]string{"temperature": "gauge", "b \"": "json"}})
	thing := ada.want(200, "PATCH", "/things/node1", map[string]any{"widgets": map[string]string{"temperature": "", "led": "switch"}})
	if got := fmt.Sprint(thing["widgets"]); got != `map[b ":json led:switch]` {
		t.Errorf("widgets %s", got)
	}
	listed := ada.want(200, "GET", "/things", nil)["things"].([]any)[0].(map[string]any)
	if fmt.Sprint(listed["widgets"]) != fmt.Sprint(thing["widgets"]) {
		t.Errorf("listed with %v", listed["widgets"])
	}
	log, err := h.Store.AuditLog(t.Context(), roost.Home, 0, 1)
	if err != nil || log[0].Act != "thing.widgets" || log[0].Detail != "led as switch, temperature as before" {
		t.Errorf("the log says %+v (%v)", log, err)
	}
}
