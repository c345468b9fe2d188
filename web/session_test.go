package web

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
)

func TestSetUpWorksOnce(t *testing.T) {
	h := open(t)
	b := h.browser()
	if got := b.want(200, "GET", "/session", nil); got["state"] != "setup" {
		t.Errorf("at first: %v", got)
	}
	token, err := h.accounts.SetupToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.want(403, "POST", "/setup", map[string]any{"token": "wrong", "name": "eve", "password": password})
	b.want(422, "POST", "/setup", map[string]any{"token": token, "name": "ada", "password": "short"})
	res, _ := b.send("POST", "/setup", map[string]any{"token": token, "name": "ada", "password": password})
	if c := res.Cookies(); len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode || c[0].Secure || c[0].Path != "/" {
		t.Errorf("the cookie is %v", c)
	}
	got := b.want(200, "GET", "/session", nil)
	if p := got["person"].(map[string]any); got["state"] != "signed-in" || p["name"] != "ada" || p["role"] != "owner" {
		t.Errorf("after it: %v", got)
	}
	other := h.browser()
	if p := other.want(403, "POST", "/setup", map[string]any{"token": token, "name": "eve", "password": password}); strings.Contains(p["detail"].(string), token) {
		t.Errorf("the refusal repeats the token: %v", p)
	}
	if got := other.want(200, "GET", "/session", nil); got["state"] != "signed-out" {
		t.Errorf("to others: %v", got)
	}
}

func TestSignInAndOut(t *testing.T) {
	h := open(t)
	h.owner()
	b := h.browser()
	b.want(401, "GET", "/things", nil)
	b.want(401, "POST", "/session", map[string]any{"name": "ada", "password": "wrong"})
	b.want(200, "POST", "/session", map[string]any{"name": "ADA", "password": password})
	b.want(200, "GET", "/things", nil)
	b.want(422, "PUT", "/session/password", map[string]any{"current": "wrong", "password": "another good one"})
	b.want(204, "PUT", "/session/password", map[string]any{"current": password, "password": "another good one"})
	b.want(200, "GET", "/things", nil)
	b.want(204, "DELETE", "/session", nil)
	b.want(401, "GET", "/things", nil)
	if got := b.want(200, "GET", "/session", nil); got["state"] != "signed-out" {
		t.Errorf("after signing out: %v", got)
	}
}

func TestGuessingIsThrottled(t *testing.T) {
	h := open(t)
	h.owner()
	b := h.browser()
	wrong := map[string]any{"name": "ada", "password": "wrong"}
	for range 50 {
		res, text := b.send("POST", "/session", wrong)
		switch res.StatusCode {
		case 401:
		case 429:
			if res.Header.Get("Retry-After") == "" {
				t.Errorf("429 without Retry-After: %s", text)
			}
			return
		default:
			t.Fatalf("%d: %s", res.StatusCode, text)
		}
	}
	t.Error("fifty wrong passwords and no throttle")
}

func TestOneGuesserBehindAProxyKeepsNobodyElseOut(t *testing.T) {
	for public, kept := range map[string]bool{"https://roost.example": false, "": true} {
		h := open(t, func(c *Config) { c.PublicURL = public })
		h.owner()
		b := h.browser()
		status := 0
		for i := range 50 { // each name is tried once, so that only the address counts
			wrong := map[string]any{"name": fmt.Sprint("guess", i), "password": "wrong"}
			res, _ := b.send("POST", "/session", wrong, "X-Forwarded-For", "203.0.113.99, 198.51.100.1")
			status = res.StatusCode
		}
		if status != 429 {
			t.Errorf("%q: fifty wrong passwords: %d", public, status)
		}
		right := map[string]any{"name": "ada", "password": password}
		res, text := b.send("POST", "/session", right, "X-Forwarded-For", "198.51.100.1, 203.0.113.99")
		if (res.StatusCode == 429) != kept {
			t.Errorf("%q: from another address: %d %s", public, res.StatusCode, text)
		}
	}
}

func TestTokenLetsAProgramIn(t *testing.T) {
	h := open(t)
	ada := h.owner()
	b := h.as(ada, "operator")
	h.arrive("node1", true)
	b.want(200, "PATCH", "/things/node1", map[string]any{"name": "x"})
	if got := b.want(200, "GET", "/session", nil); got["person"].(map[string]any)["role"] != "operator" {
		t.Errorf("the token is %v", got)
	}
	id := ada.want(200, "GET", "/tokens", nil)["tokens"].([]any)[0].(map[string]any)
	if _, shown := id["token"]; shown {
		t.Errorf("the list shows the secret: %v", id)
	}
	ada.want(204, "DELETE", "/tokens/"+id["id"].(string), nil)
	b.want(401, "GET", "/things", nil)
	b.token = account.TokenPrefix + "bogus"
	if p := b.want(401, "GET", "/things", nil); !strings.Contains(p["detail"].(string), "token") {
		t.Errorf("a bogus token: %v", p)
	}
}

func TestOtherSitesChangeNothing(t *testing.T) {
	h := open(t)
	ada := h.owner()
	h.arrive("node1", false)
	for _, from := range [][]string{
		{"Origin", "https://evil.example"},
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "null"},
	} {
		ada.want(403, "POST", "/things/node1/approve", nil, from...)
		ada.want(403, "DELETE", "/session", nil, from...)
	}
	if got := ada.want(200, "GET", "/things/node1", nil); got["state"] != "waiting" {
		t.Errorf("after all that: %v", got)
	}
	ada.want(200, "POST", "/things/node1/approve", nil, "Origin", h.http.URL)
}

func TestPublicAddressIsTrusted(t *testing.T) {
	h := open(t, func(c *Config) { c.PublicURL = "https://roost.example/" })
	ada := h.owner()
	h.arrive("node1", false)
	ada.want(200, "POST", "/things/node1/approve", nil, "Origin", "https://roost.example")
	r, err := http.NewRequestWithContext(t.Context(), "POST", h.http.URL+apiRoot+"/session", strings.NewReader(`{"name":"ada","password":"`+password+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "roost.example"
	res, err := ada.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if c := res.Cookies(); len(c) != 1 || !c[0].Secure {
		t.Errorf("behind https the cookie is %v", c)
	}
}

func TestEveryChangeIsWrittenDown(t *testing.T) {
	h := open(t)
	ada := h.owner()
	h.arrive("node1", false)
	h.arrive("node2", false)
	ada.want(200, "POST", "/things/node1/approve", nil)
	ada.want(200, "PATCH", "/things/node1", map[string]any{"name": "Attic", "tags": []string{"lab"}})
	ada.want(200, "POST", "/things/node2/ignore", nil)
	ada.want(204, "DELETE", "/things/node1", nil)
	ada.want(202, "POST", "/simulated", map[string]any{"kind": "ws"})
	log, err := h.Store.AuditLog(t.Context(), h.server.project, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	acts := map[string]string{}
	for _, e := range log {
		acts[e.Act] = e.Who
	}
	for _, act := range []string{"server.setup", "thing.approve", "thing.name", "thing.tag", "thing.ignore", "thing.delete", "simulated.start"} {
		if acts[act] != "ada" {
			t.Errorf("%s was written down as of %q", act, acts[act])
		}
	}
}

func TestOverTLS(t *testing.T) {
	h := open(t)
	ada := h.owner()
	h.arrive("node1", true)
	token := h.as(ada, "viewer").token
	secure := httptest.NewTLSServer(h.server.Handler())
	t.Cleanup(secure.Close)
	b := &browser{t: t, url: secure.URL, client: secure.Client()}
	res, _ := b.send("POST", "/session", map[string]any{"name": "ada", "password": password})
	if c := res.Cookies(); len(c) != 1 || !c[0].Secure {
		t.Errorf("the cookie over https is %v", c)
	}
	conn, _, err := websocket.Dial(t.Context(), strings.Replace(secure.URL, "http", "ws", 1)+apiRoot+"/stream?access_token="+token,
		&websocket.DialOptions{HTTPClient: secure.Client()})
	if err != nil {
		t.Fatal(err)
	}
	w := &watching{t, conn}
	w.say(`{"subscribe":{}}`)
	w.next()
	h.report("node1", "n", "1")
	if e := w.next(); e["value"] != 1.0 {
		t.Errorf("over wss: %v", e)
	}
	_ = conn.CloseNow()
}

// TestChangeIsWrittenDownForThoseWhoHangUp closes the connection right behind its request.
func TestChangeIsWrittenDownForThoseWhoHangUp(t *testing.T) {
	h := open(t)
	ada := h.owner()
	eve := h.as(ada, "owner")
	eve.want(200, "GET", "/session", nil)
	for i := range 20 {
		id := "node" + strconv.Itoa(i)
		h.arrive(id, false)
		conn, err := net.Dial("tcp", strings.TrimPrefix(h.http.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST %s/things/%s/approve HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", apiRoot, id, eve.token)
		_ = conn.Close()
	}
	eventually(t, "what was approved is written down", func() bool {
		log, err := h.Store.AuditLog(t.Context(), h.server.project, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		written := map[string]bool{}
		for _, e := range log {
			written[e.Object] = written[e.Object] || e.Act == "thing.approve"
		}
		approved, missing := 0, 0
		h.Registry.Each(h.server.project, func(thing roost.Thing, _ []roost.Resource) bool {
			if thing.Enrolment == roost.Enrolled {
				approved++
				if !written[string(thing.Ref.Thing)] {
					missing++
				}
			}
			return true
		})
		return approved > 10 && missing == 0
	})
}
