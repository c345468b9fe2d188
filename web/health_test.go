package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	broken := errors.New("disk on fire")
	var fault error
	h := open(t, func(c *Config) { c.Ready = func(context.Context) error { return fault } })
	b := h.browser()
	if res, text := b.send("GET", "!/healthz", nil); res.StatusCode != 200 || string(text) != "ok\n" {
		t.Errorf("healthz: %d %q", res.StatusCode, text)
	}
	if res, _ := b.send("GET", "!/readyz", nil); res.StatusCode != 200 {
		t.Errorf("readyz: %d", res.StatusCode)
	}
	fault = broken
	if p := b.want(503, "GET", "!/readyz", nil); strings.Contains(p["detail"].(string), "fire") {
		t.Errorf("readyz tells strangers why: %v", p)
	}
	if !strings.Contains(h.logged.String(), "disk on fire") {
		t.Error("the log does not say why")
	}
}

func TestSystemTellsWhatMainKnows(t *testing.T) {
	h := open(t, func(c *Config) {
		c.System = func(context.Context) System {
			return System{DataDir: "/data", DataBytes: 7, PyaiotGateways: 2, Listeners: []Listener{{Name: "coap", State: "failed", Detail: "taken"}}}
		}
	})
	ada := h.owner()
	h.arrive("node1", true)
	h.watch(ada, `{"subscribe":{}}`)
	got := ada.want(200, "GET", "/system", nil)
	if got["data_dir"] != "/data" || got["base_url"] != h.http.URL || got["enrolment"] != "approve" || got["simulator"] != true ||
		got["live"].(map[string]any)["watchers"] != 1.0 || got["things"].(map[string]any)["online"] != 1.0 ||
		got["listeners"].([]any)[0].(map[string]any)["detail"] != "taken" || got["pyaiot"].(map[string]any)["gateways"] != 2.0 {
		t.Errorf("the system is %v", got)
	}
	public := open(t, func(c *Config) { c.PublicURL = "https://roost.example/" })
	if got := public.owner().want(200, "GET", "/system", nil); got["base_url"] != "https://roost.example" {
		t.Errorf("the public address is %v", got["base_url"])
	}
}

func TestMetrics(t *testing.T) {
	h := open(t, func(c *Config) {
		c.System = func(context.Context) System { return System{MQTT: &MQTTFigures{Connections: 3, Dropped: 2}} }
		c.Gateways = func() []GatewayStatus { return []GatewayStatus{{Connected: true}, {}} }
	})
	ada := h.owner()
	h.arrive("node1", true)
	h.arrive("node2", false)
	res, text := h.browser().send("GET", "!/metrics", nil)
	for _, line := range []string{
		`roost_things{state="online"} 1`, `roost_things{state="waiting"} 1`, `roost_readings_total{outcome="recorded"} 0`,
		`roost_live_watchers 0`, `roost_build_info{version="test"} 1`, `go_goroutines `,
		`roost_gateways 1`, `roost_mqtt_connections{door="mqtt"} 3`, `roost_mqtt_messages_total{door="mqtt",outcome="dropped"} 2`,
	} {
		if !strings.Contains(string(text), line) {
			t.Errorf("metrics (%d) lack %s", res.StatusCode, line)
		}
	}
	if res, _ := h.browser().send("GET", "!/metrics", nil, "X-Forwarded-For", "192.0.2.1"); res.StatusCode != 401 {
		t.Errorf("through a proxy: %d", res.StatusCode)
	}
	if res, _ := h.as(ada, "viewer").send("GET", "!/metrics", nil, "X-Forwarded-For", "192.0.2.1"); res.StatusCode != 200 {
		t.Errorf("through a proxy with a token: %d", res.StatusCode)
	}
	behind := open(t, func(c *Config) { c.PublicURL = "https://roost.example" })
	if res, _ := behind.browser().send("GET", "!/metrics", nil); res.StatusCode != 401 {
		t.Errorf("through a proxy that says nothing of itself: %d", res.StatusCode)
	}
	if res, _ := behind.as(behind.owner(), "viewer").send("GET", "!/metrics", nil); res.StatusCode != 200 {
		t.Errorf("through such a proxy with a token: %d", res.StatusCode)
	}
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.RemoteAddr = "192.0.2.1:5000"
	w := httptest.NewRecorder()
	h.server.Handler().ServeHTTP(w, r)
	if w.Code != 401 {
		t.Errorf("from another machine: %d", w.Code)
	}
}

func TestFaultsInsideStayInside(t *testing.T) {
	h := open(t, func(c *Config) { c.Simulator = failing{} })
	ada := h.owner()
	p := ada.want(500, "POST", "/simulated", map[string]any{"kind": "coap"})
	if strings.Contains(p["detail"].(string), "secret") {
		t.Errorf("the answer says %v", p)
	}
	if !strings.Contains(h.logged.String(), "a secret cause") {
		t.Error("the log does not say why")
	}
	p = ada.want(500, "POST", "/simulated", map[string]any{"kind": "ws"})
	if !strings.Contains(h.logged.String(), "panicked") || p["detail"] == nil {
		t.Error("a panic was not answered and logged")
	}
	none := open(t, func(c *Config) { c.Simulator = nil })
	none.owner().want(404, "POST", "/simulated", map[string]any{"kind": "ws"})
}

type failing struct{}

func (failing) Start(_ context.Context, kind, _ string) (string, error) {
	if kind == "ws" {
		panic("oh no")
	}
	return "", errors.New("a secret cause")
}

func TestSecretsAreNotRepeated(t *testing.T) {
	h := open(t)
	ada := h.owner()
	res, text := ada.send("POST", "/users", `{"name":"grace","password":["hunter2hunter2"],"role":"viewer"}`)
	if res.StatusCode != http.StatusUnprocessableEntity || strings.Contains(string(text), "hunter2") {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	res, text = ada.send("POST", "/session", `{"name":"ada","password":"hunter2hunter2"`)
	if res.StatusCode != http.StatusBadRequest || strings.Contains(string(text), "hunter2") {
		t.Errorf("%d %s", res.StatusCode, text)
	}
}
