package web

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
)

func TestSiteIsToldToEverybody(t *testing.T) {
	h := open(t)
	if got := fmt.Sprint(h.browser().want(200, "GET", "/site", nil)); got != "map[cameraUrl: coap: favicon: kind:server logo: mapTiles: mqtt: mqttsn: signIn:people title:Roost]" {
		t.Errorf("the site of a plain server: %s", got)
	}
	h = open(t, func(c *Config) {
		c.Site = Site{Title: "Lab", Logo: SitePath + "logo.png", CameraURL: "http://192.0.2.9/mjpg", Kind: SiteDashboard, MQTT: ":1883"}
		c.Files = map[string][]byte{"logo.png": []byte("png")}
		c.Public = roost.Operator
	})
	site := h.browser().want(200, "GET", "/site", nil)
	if site["title"] != "Lab" || site["kind"] != "dashboard" || site["signIn"] != "none" || site["mqtt"] != ":1883" || site["cameraUrl"] != "http://192.0.2.9/mjpg" {
		t.Errorf("a dashboard: %v", site)
	}
	res, body := h.browser().send("GET", "!"+site["logo"].(string), nil)
	if res.StatusCode != 200 || string(body) != "png" || res.Header.Get("Content-Type") != "image/png" {
		t.Errorf("its logo: %d %q %v", res.StatusCode, body, res.Header)
	}
	if res, _ := h.browser().send("GET", "!/site/other.png", nil); res.StatusCode != 404 {
		t.Errorf("another file: %d", res.StatusCode)
	}
}

func TestPagesMayShowPicturesFromElsewhere(t *testing.T) {
	res, _ := open(t).browser().send("GET", "!/", nil)
	policy := res.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "img-src 'self' data: blob: http: https:;") {
		t.Errorf("map tiles and cameras are not let in by %q", policy)
	}
	scripts := strings.Replace(policy, "style-src-attr 'unsafe-inline';", "", 1) // the code editor's
	if strings.Contains(scripts, "unsafe") || strings.Contains(scripts, "script-src") {
		t.Errorf("more than our own code may run by %q", policy)
	}
}

func TestPublicServerAsksForNoSignIn(t *testing.T) {
	h := open(t, func(c *Config) { c.Public = roost.Operator })
	h.arrive("node1", true)
	b := h.browser()
	session := b.want(200, "GET", "/session", nil)
	if session["state"] != "signed-in" || session["person"].(map[string]any)["role"] != "operator" {
		t.Errorf("the session is %v", session)
	}
	b.want(200, "GET", "/things", nil)
	sent := b.want(202, "POST", "/things/node1/commands", `{"resource":"led","value":1}`)
	if sent["by"] != "a visitor" {
		t.Errorf("the command was asked for by %v", sent["by"])
	}
	b.want(403, "POST", "/tokens", map[string]any{"name": "x", "role": "viewer"})
	b.want(403, "DELETE", "/things/node1", nil)
	b.want(403, "PUT", "/session/password", map[string]any{"current": password, "password": password})
	b.want(200, "GET", "/things", nil, "Cookie", CookieName+"=of-a-session-that-is-over")
	b.want(401, "GET", "/things", nil, "Authorization", "Bearer rst_wrong")
	b.want(403, "POST", "/things/node1/commands", `{"resource":"led","value":1}`, "Origin", "http://elsewhere.example")
	w := h.watch(b, `{"subscribe":{"types":["reading"]}}`)
	h.server.hub.expel(t.Context()) // asked again, a visitor still may watch
	h.report("node1", "led", "1")
	if e := w.next(); e["type"] != "reading" {
		t.Errorf("the stream says %v", e)
	}
}

func TestOnePasswordSignsIn(t *testing.T) {
	h := open(t, func(c *Config) { c.OnlyPerson = "dashboard" })
	secret, err := h.accounts.LocalToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	here, err := h.accounts.ByToken(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.accounts.AddPerson(t.Context(), here, roost.Home, account.NewPerson{Name: "dashboard", Password: password, Role: roost.Operator})
	if err != nil {
		t.Fatal(err)
	}
	b := h.browser()
	if state := b.want(200, "GET", "/session", nil)["state"]; state != "signed-out" {
		t.Errorf("the state is %v before the sign-in", state)
	}
	if signIn := b.want(200, "GET", "/site", nil)["signIn"]; signIn != "password" {
		t.Errorf("one signs in by %v", signIn)
	}
	b.want(401, "GET", "/things", nil)
	b.want(401, "POST", "/session", map[string]any{"password": "wrong"})
	b.want(200, "POST", "/session", map[string]any{"password": password})
	b.want(200, "GET", "/things", nil)
}

func TestLongAnswersArePacked(t *testing.T) {
	h := open(t)
	ada := h.owner()
	for i := range 40 {
		h.arrive(fmt.Sprint("node", i), true)
	}
	transport := &http.Transport{DisableCompression: true}
	ada.client.Transport = transport
	t.Cleanup(transport.CloseIdleConnections)
	_, plain := ada.send("GET", "/things", nil)
	res, small := ada.send("GET", "/things", nil, "Accept-Encoding", "gzip")
	if res.Header.Get("Content-Encoding") != "gzip" || len(small)*3 > len(plain) || !strings.Contains(res.Header.Get("Vary"), "Accept-Encoding") {
		t.Fatalf("%d bytes of %d, %v", len(small), len(plain), res.Header)
	}
	z, err := gzip.NewReader(bytes.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || len(text) != len(plain) {
		t.Errorf("unpacked: %d bytes of %d, %v", len(text), len(plain), err)
	}
	for _, c := range []struct {
		method, path string
		status       int
	}{{"GET", "/session", 200}, {"GET", "/things/nobody", 404}, {"HEAD", "/things", 200}, {"DELETE", "/session", 204}} {
		res, _ := ada.send(c.method, c.path, nil, "Accept-Encoding", "gzip")
		if res.StatusCode != c.status || res.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s %s: %d, packed as %q", c.method, c.path, res.StatusCode, res.Header.Get("Content-Encoding"))
		}
	}
}

func TestRevokedTokenEndsItsStreamAtOnce(t *testing.T) {
	h := open(t)
	ada := h.owner()
	ctx, done := t.Context(), make(chan struct{})
	go func() { defer close(done); h.server.Run(ctx) }()
	t.Cleanup(func() { <-done })
	made := ada.want(201, "POST", "/tokens", map[string]any{"name": "ci", "role": "viewer"})
	b := h.browser()
	b.token = made["token"].(string)
	w := h.watch(b, `{"subscribe":{}}`)
	ada.want(204, "DELETE", "/tokens/"+made["id"].(string), nil)
	if code, reason, _ := w.closed(); code != signedOut || reason == "" {
		t.Errorf("ended with %d %q", code, reason)
	}
}
