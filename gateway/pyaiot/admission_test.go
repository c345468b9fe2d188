package pyaiot

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// knock sends a handshake with these header lines and gives status, body and header.
func (h *house) knock(path string, lines ...string) (int, string, http.Header) {
	h.t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http"+strings.TrimPrefix(h.url, "ws")+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, l := range append([]string{
		"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
	}, lines...) {
		name, value, _ := strings.Cut(l, ": ")
		if value == "" {
			r.Header.Del(name)
			continue
		}
		if name == protocolHeader {
			r.Header.Add(name, value)
		} else {
			r.Header.Set(name, value)
		}
	}
	tr := &http.Transport{DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp.StatusCode, "", resp.Header
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

func TestT03SubprotocolsMustBeTwo(t *testing.T) {
	h := build(t, nil)
	token := h.keys.Token(time.Now())
	for _, lines := range [][]string{
		nil, {"token"}, {"token," + token + ",x"}, {"Token," + token}, {token + ",token"}, {"token," + token, "x"},
	} {
		for i := range lines {
			lines[i] = protocolHeader + ": " + lines[i]
		}
		status, body, header := h.knock("/gw", lines...)
		if status != 401 || body != "Invalid subprotocols" || header.Get("Content-Type") != "text/html; charset=UTF-8" {
			t.Errorf("%q: %d %q %v", lines, status, body, header)
		}
	}
}

func TestT04ValidTokensAreLetIn(t *testing.T) {
	h := build(t, nil)
	token := h.keys.Token(time.Now())
	for _, lines := range [][]string{{"token," + token}, {"token, " + token}, {" token ,  " + token}, {"token", token}} {
		for i := range lines {
			lines[i] = protocolHeader + ": " + lines[i]
		}
		status, body, header := h.knock("/gw", lines...)
		if status != 101 || header.Get(protocolHeader) != "token" {
			t.Errorf("%q: %d %q %v", lines, status, body, header)
		}
	}
	roomtest.Eventually(t, "all have gone again", func() bool { return h.door.Stats().Gateways == 0 })
}

func TestT05WrongTokens(t *testing.T) {
	h := build(t, nil)
	other := h.keys
	other.Secret = "another"
	for _, token := range []string{other.Token(time.Now()), wire.GenerateKeys().Token(time.Now()), "abcdef", "", "="} {
		status, body, _ := h.knock("/gw", protocolHeader+": token,"+token)
		if status != 401 || body != "Invalid token" {
			t.Errorf("%q: %d %q", token, status, body)
		}
	}
}

func TestT06ShortSecretMakesAPaddedToken(t *testing.T) {
	keys := wire.GenerateKeys()
	keys.Secret = "short"
	h := build(t, func(c *Config) { c.Keys = keys })
	token := keys.Token(time.Now())
	if !strings.HasSuffix(token, "==") {
		t.Fatal(token)
	}
	if status, body, _ := h.knock("/gw", protocolHeader+": token,"+token); status != 101 {
		t.Errorf("%d %q", status, body)
	}
}

func TestT07LegacyHandshake(t *testing.T) {
	t.Parallel() // it takes its time
	h := build(t, func(c *Config) { c.Legacy = true })
	client := h.client()
	for _, wrong := range []string{wire.GenerateKeys().Token(time.Now()), "abcdef", `{"type": "new", "uid": "x", "dst": "all"}`} {
		bad := h.dial("/gw", nil)
		bad.Send(wrong)
		if got := bad.WantClose(); got.Code != websocket.StatusNoStatusRcvd {
			t.Errorf("%q: %v", wrong, got)
		}
	}
	start := time.Now()
	silent := h.dial("/gw", nil)
	if got := silent.WantClose(); got.Code != websocket.StatusNoStatusRcvd || time.Since(start) < legacyPatience {
		t.Errorf("%v after %v", got, time.Since(start))
	}
	long := h.dial("/gw", nil)
	long.Send(strings.Repeat("A", legacyToken+1))
	if got := long.WantClose(); got.Code == websocket.StatusNormalClosure {
		t.Errorf("a token of megabytes: %v", got)
	}
	gw := h.dial("/gw", nil)
	gw.Send(h.keys.Token(time.Now()))
	if got := gw.Next(); got != wire.Resync {
		t.Errorf("got %s", got)
	}
	h.fence(gw, client)
	if status, body, _ := h.knock("/gw", protocolHeader+": token"); status != 401 {
		t.Errorf("a wrong subprotocol is no legacy: %d %q", status, body)
	}
}

func TestWithoutUpgrade(t *testing.T) {
	h := build(t, nil)
	for _, path := range []string{"/gw", "/ws"} {
		if status, body, _ := h.knock(path, "Upgrade: "); status != 400 || body != `Can "Upgrade" only to "WebSocket".` {
			t.Errorf("%s: %d %q", path, status, body)
		}
		if status, _, header := h.knock(path, "Sec-WebSocket-Version: 12"); status != 426 || header.Get("Sec-WebSocket-Version") != "13" {
			t.Errorf("%s: version 12: %d %v", path, status, header)
		}
		for _, line := range []string{"Connection: close", "Sec-WebSocket-Key: abc"} {
			if status, body, _ := h.knock(path, line); status != 400 {
				t.Errorf("%s, %s: %d %q", path, line, status, body)
			}
		}
	}
}

func TestClientsNeedATokenOrOurOwnPage(t *testing.T) {
	auth := func(r *http.Request) (Visitor, error) {
		cookie, _ := r.Cookie("roost_session")
		switch {
		case r.URL.Query().Get("token") == "good" || r.Header.Get("Authorization") == "Bearer good" || cookie != nil && cookie.Value == "good":
			return Visitor{By: "ada", Command: true}, nil
		case r.URL.Query().Get("token") == "busy":
			return Visitor{}, roost.Errorf(roost.TooMany, "Slow down.")
		}
		return Visitor{}, roost.Errorf(roost.Unauthorized, "Who are you?")
	}
	h := build(t, func(c *Config) { c.Clients, c.Authenticate, c.PublicURL = "", auth, "https://Roost.example/" })
	own := "Origin: http" + strings.TrimPrefix(h.url, "ws")
	for _, c := range []struct {
		path  string
		lines []string
		want  int
	}{
		{"/ws", nil, 401},
		{"/ws?token=bad", nil, 401},
		{"/ws?token=busy", nil, 429},
		{"/ws?token=good", nil, 101},
		{"/ws?token=good", []string{"Origin: http://elsewhere:8080"}, 101},
		{"/ws", []string{"Authorization: Bearer good", "Origin: http://elsewhere"}, 101},
		{"/ws", []string{"Cookie: roost_session=good"}, 101},
		{"/ws", []string{"Cookie: roost_session=good", own}, 101},
		{"/ws", []string{"Cookie: roost_session=good", "Origin: http://elsewhere"}, 403},
		{"/ws", []string{"Cookie: roost_session=good", "Origin: null"}, 403},
		{"/ws", []string{"Cookie: roost_session=good", "Origin: https://roost.example"}, 101}, // a proxy made Host another
		{"/ws", []string{"Cookie: roost_session=good", "Origin: http://roost.example"}, 403},
		{"/ws", []string{"Cookie: roost_session=good", "Origin: https://roost.example.evil"}, 403},
		{"/ws", []string{"Cookie: roost_session=bad", own}, 401},
	} {
		if status, body, _ := h.knock(c.path, c.lines...); status != c.want {
			t.Errorf("%s %q: %d %q, want %d", c.path, c.lines, status, body, c.want)
		}
	}
}

func TestClientsOff(t *testing.T) {
	h := build(t, func(c *Config) { c.Clients = ClientsOff })
	if status, _, _ := h.knock("/ws"); status != 404 {
		t.Error(status)
	}
}

func TestVisitorsWithoutLeaveSendNoCommands(t *testing.T) {
	sent := make(chan string, 10)
	h := build(t, func(c *Config) {
		c.Clients = ClientsToken
		c.Authenticate = func(r *http.Request) (Visitor, error) {
			return Visitor{By: "eve", Command: r.URL.Query().Get("token") == "operator"}, nil
		}
		c.Submit = func(_ context.Context, ref roost.Ref, resource string, v roost.Value, by string) error {
			sent <- fmt.Sprint(ref, resource, v, by)
			return nil
		}
	})
	h.foreign("m1")
	for _, token := range []string{"viewer", "operator"} {
		p := h.dial("/ws?token="+token, nil)
		p.Send(`{"type":"update","data":{"uid":"m1","endpoint":"` + token + `","payload":"1"}}`)
		p.Send("end")
		p.WantClose()
	}
	if got := <-sent; got != `home/m1 operator "1" eve` && got != `home/m1operator"1"eve` {
		t.Errorf("got %s", got)
	}
	if len(sent) > 0 {
		t.Errorf("and %s", <-sent)
	}
}

func TestConnectionsAreCapped(t *testing.T) {
	h := build(t, func(c *Config) { c.MaxClients, c.MaxGateways = 1, 1 })
	client, _ := h.dial("/ws", nil), h.gateway()
	if status, _, header := h.knock("/ws"); status != 503 || header.Get("Retry-After") == "" {
		t.Error(status)
	}
	if status, _, _ := h.knock("/gw", protocolHeader+": token,"+h.keys.Token(time.Now())); status != 503 {
		t.Error(status)
	}
	if err := client.Conn.CloseNow(); err != nil {
		t.Fatal(err)
	}
	roomtest.Eventually(t, "there is room again", func() bool {
		h.door.mu.Lock()
		defer h.door.mu.Unlock()
		return h.door.clients.taken == 0
	})
	h.dial("/ws", nil)
}

func TestShutdownSaysGoingAway(t *testing.T) {
	h := build(t, nil)
	client, quiet, gw := h.client(), h.dial("/ws", nil), h.gateway()
	gw.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	client.Want(`{"type": "new", "uid": "n1", "dst": "all"}`)
	done := make(chan struct{})
	go func() { h.stop(); close(done) }()
	for _, p := range []*roomtest.Peer{client, quiet, gw} {
		if got := p.WantClose(); got.Code != websocket.StatusGoingAway {
			t.Errorf("%v", got)
		}
	}
	<-done
	if _, _, ok := h.registry.Get(roost.Ref{Project: roost.Home, Thing: "n1"}); !ok || h.registry.Count(roost.Home).Online != 0 {
		t.Error("n1 is online although Roost has stopped")
	}
}
