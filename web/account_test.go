package web

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// number says a number of an answer as it stands in an address.
func number(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

func TestAccountIsOnesOwn(t *testing.T) {
	h := open(t)
	ada := h.owner()
	ada.app("Greenhouse")
	h.device("bench", release.Registration{})
	ada.want(202, "POST", "/things/bench/commands", `{"kind":"message","value":1}`)
	me := ada.want(200, "GET", "/account", nil)
	if len(me["accountId"].(string)) != 22 || me["name"] != "ada" || me["role"] != "owner" || me["created"] == 0.0 {
		t.Errorf("the account is %v", me)
	}
	if u := objectAt(me, "usage"); u["things"] != 1.0 || u["apps"] != 1.0 || u["messages"] != 1.0 || u["workerMessages"] != 0.0 {
		t.Errorf("its usage is %v", u)
	}
	me = ada.want(200, "PATCH", "/account", map[string]any{"email": "ada@example.org", "timeZone": "Europe/Rome"})
	if me["email"] != "ada@example.org" || me["timeZone"] != "Europe/Rome" {
		t.Errorf("changed, it is %v", me)
	}
	ada.want(422, "PATCH", "/account", map[string]any{"email": "nobody"})
	ada.want(422, "PATCH", "/account", map[string]any{"timeZone": "Mars/Base"})
	if me := ada.want(200, "PATCH", "/account", map[string]any{"email": ""}); me["email"] != "" || me["timeZone"] != "Europe/Rome" {
		t.Errorf("without an address, it is %v", me)
	}
	token := h.as(ada, "owner")
	token.want(403, "GET", "/account", nil)
	token.want(403, "DELETE", "/account", map[string]any{"name": "ada"})
	token.want(403, "POST", "/account/tokens", map[string]any{"name": "x", "role": "viewer"})
	h.browser().want(401, "GET", "/account", nil)
}

func TestOwnTokensAreAtMostOnesRole(t *testing.T) {
	h := open(t)
	ada := h.owner()
	ada.want(201, "POST", "/users", map[string]any{"name": "grace", "password": password, "role": "operator"})
	grace := h.browser()
	grace.want(200, "POST", "/session", map[string]any{"name": "grace", "password": password})
	made := grace.want(201, "POST", "/account/tokens", map[string]any{"name": "laptop", "role": "operator"})
	if refused, _ := grace.send("POST", "/account/tokens", map[string]any{"name": "laptop", "role": "owner"}); refused.StatusCode < 400 {
		t.Errorf("an operator's token of an owner: %d", refused.StatusCode)
	}
	laptop := h.browser()
	laptop.token = made["token"].(string)
	laptop.want(200, "GET", "/things", nil)
	theirs := ada.want(201, "POST", "/account/tokens", map[string]any{"name": "x", "role": "viewer"})
	grace.want(404, "DELETE", "/account/tokens/"+theirs["id"].(string), nil)
	grace.want(204, "DELETE", "/account/tokens/"+made["id"].(string), nil)
	laptop.want(401, "GET", "/things", nil)
}

func TestAccountIsDeletedByItsNameOnly(t *testing.T) {
	h := open(t)
	ada := h.owner()
	ada.want(422, "DELETE", "/account", map[string]any{"name": "adam"})
	ada.want(409, "DELETE", "/account", map[string]any{"name": "ada"}) // the last owner
	ada.want(201, "POST", "/users", map[string]any{"name": "grace", "password": password, "role": "owner"})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { h.server.Run(ctx); close(ended) }()
	defer func() { stop(); <-ended }()
	h.watch(ada, `{"subscribe":{}}`)
	ada.want(204, "DELETE", "/account", map[string]any{"name": "Ada"})
	ada.want(401, "GET", "/things", nil)
	eventually(t, "the stream has ended", func() bool { return h.server.hub.count() == 0 })
	h.browser().want(401, "POST", "/session", map[string]any{"name": "ada", "password": password})
}

func TestDevicesAreToldWhereToGo(t *testing.T) {
	h := open(t)
	ada := h.owner()
	got := ada.want(200, "GET", "/pythings", nil)
	host := strings.TrimPrefix(h.http.URL, "http://")
	if got["backend"] != host || got["tls"] != true || got["legacyTLS"] != false || got["modulus"] != "12345678901234567" || got["accountId"] == "" {
		t.Errorf("devices are told %v", got)
	}
	if n := listAt(got, "notices"); len(n) != 1 || field(n[0], "at") != 1764000000000.0 || field(n[0], "text") == "" {
		t.Errorf("the notices are %v", n)
	}
	if got := h.as(ada, "viewer").want(200, "GET", "/pythings", nil); got["accountId"] != "" {
		t.Errorf("a token has the account %v", got["accountId"])
	}
	got = ada.want(201, "POST", "/pythings/keys", map[string]any{"name": "cloud", "pem": "-----BEGIN PRIVATE KEY-----"})
	if keys := listAt(got, "keys"); len(keys) != 2 || field(keys[1], "name") != "cloud" || field(keys[1], "imported") != true {
		t.Errorf("the keys are %v", keys)
	}
	ada.want(422, "POST", "/pythings/keys", map[string]any{"name": "cloud", "pem": "x"})
	h.wantAudit("pythings.key")
	ada.want(204, "DELETE", "/pythings/keys/cloud", nil)
	ada.want(404, "DELETE", "/pythings/keys/cloud", nil)
	if keys := listAt(ada.want(200, "GET", "/pythings", nil), "keys"); len(keys) != 1 {
		t.Errorf("the keys are %v", keys)
	}

	public := open(t, func(c *Config) { c.PublicURL = "https://roost.example.org/" })
	if got := public.owner().want(200, "GET", "/pythings", nil); got["backend"] != "roost.example.org" {
		t.Errorf("behind a proxy devices are sent to %v", got["backend"])
	}
	shut := open(t, func(c *Config) { c.Pythings, c.Releases = nil, nil })
	eve := shut.owner()
	eve.want(404, "GET", "/pythings", nil)
	eve.want(404, "POST", "/pythings/keys", map[string]any{"name": "cloud", "pem": "x"})
	eve.want(404, "DELETE", "/pythings/keys/cloud", nil)
	eve.want(404, "GET", "/apps", nil)
	shut.arrive("node1", true)
	if thing := eve.want(200, "GET", "/things/node1", nil); thing["app"] != nil {
		t.Errorf("a thing has the app %v", thing["app"])
	}
	eve.want(204, "DELETE", "/things/node1", nil)
}

func TestStreamTellsOfAppsMessagesAndLogs(t *testing.T) {
	h := open(t)
	ada := h.owner()
	w := h.watch(ada, `{"subscribe":{"types":["app","software","message","log"]}}`)
	at, ref := time.UnixMilli(1764000000000), h.server.ref("bench")
	for _, e := range []*roost.Event{
		{Kind: roost.AppChanged, Ref: roost.Ref{Project: "other"}, App: "hidden", At: at},
		{Kind: roost.AppChanged, Ref: roost.Ref{Project: roost.Home}, App: "a1", At: at},
		{Kind: roost.SoftwareChanged, Ref: ref, At: at},
		{Kind: roost.MessageArrived, Ref: ref, At: at, Message: &roost.WorkerMessage{Ref: ref, ID: 7, At: at, Data: `{"n":[1,"é"]}`}},
		{Kind: roost.LogWritten, Ref: ref, At: at, Line: &roost.LogLine{Ref: ref, ID: 8, At: at, Level: "error", Text: "a \"b\"", Detail: "c\nd"}},
	} {
		h.Feed.Publish(e)
	}
	for _, want := range []map[string]any{
		{"type": "app", "thing": "", "app": "a1"},
		{"type": "software", "thing": "bench"},
		{"type": "message", "thing": "bench", "id": 7.0},
		{"type": "log", "thing": "bench", "level": "error", "text": "a \"b\"", "detail": "c\nd"},
	} {
		e := w.next()
		for name, v := range want {
			if e[name] != v {
				t.Errorf("%v: %s is %v, want %v", e, name, e[name], v)
			}
		}
		if e["at"] != 1764000000000.0 || e["seq"] == nil {
			t.Errorf("%v has no time or number", e)
		}
		if e["type"] == "message" && field(e, "value", "n").([]any)[1] != "é" {
			t.Errorf("the message is %v", e["value"])
		}
	}
}
