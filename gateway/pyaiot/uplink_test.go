package pyaiot

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

func TestT01UplinkComesInWithPyaiotsKeyFile(t *testing.T) {
	keys, err := wire.LoadKeys("testdata/keys.ini")
	if err != nil {
		t.Fatal(err)
	}
	for _, auth := range []string{AuthHead, AuthLegacy} {
		f := newStrict(t, keys, auth)
		o := dialTo(t, f.srv.URL, keys, func(c *UplinkConfig) { c.Auth = auth })
		o.connected()
		p := o.node("A1", roost.CoAP)
		p.say("led", `"0"`)
		f.want(newText("A1", "all"), updateText("A1", "protocol", `"CoAP"`, "all"), updateText("A1", "led", `"0"`, "all"))
		o.stop()
	}
}

func TestT06UplinkShowsAPaddedToken(t *testing.T) {
	keys := wire.GenerateKeys()
	keys.Secret = "short"
	if token := keys.Token(time.Now()); !strings.HasSuffix(token, "==") {
		t.Fatalf("token %s", token)
	}
	f := newStrict(t, keys, AuthHead)
	dialTo(t, f.srv.URL, keys, nil).connected()
}

func TestUplinkComesInAtOurOwnBroker(t *testing.T) {
	for _, auth := range []string{AuthHead, AuthLegacy} {
		h := build(t, func(c *Config) { c.Legacy = true })
		client := h.client()
		o := dialTo(t, h.url, h.keys, func(c *UplinkConfig) { c.Auth = auth })
		p := o.node("A1", roost.CoAP)
		p.say("led", `"0"`)
		client.Until(`"endpoint": "led", "data": "0"`)
		ctx, stop := roomtest.Soon()
		if err := h.door.cfg.Submit(ctx, roost.Ref{Project: roost.Home, Thing: "A1"}, "led", `"1"`, "ada"); err != nil {
			t.Fatal(err)
		}
		stop()
		p.wantCommand("led", "1")
		p.say("led", `"1"`)
		client.Until(`"endpoint": "led", "data": "1"`)
		p.leave()
		client.Want(`{"type": "out", "uid": "A1"}`)
		o.stop()
		h.stop()
	}
}

func TestT72UplinkSendsKeepAlives(t *testing.T) {
	keys := wire.GenerateKeys()
	f := newStrict(t, keys, AuthHead)
	o := dialTo(t, f.srv.URL, keys, func(c *UplinkConfig) { c.alive = 5 * time.Millisecond })
	o.connected()
	for range 4 {
		select {
		case m := <-f.got:
			if m != `{"type": "update", "uid": "alive"}` {
				t.Errorf("%s", m)
			}
		case <-time.After(roomtest.Patience):
			t.Fatal("no keep-alive")
		}
	}
	if f.connections() != 1 {
		t.Errorf("%d connections", f.connections())
	}
}

func TestT73UplinkIsBackWithAllItsNodes(t *testing.T) {
	keys := wire.GenerateKeys()
	f := newStrict(t, keys, AuthHead)
	o := dialTo(t, f.srv.URL, keys, nil)
	o.connected()
	a, b := o.node("A1", roost.CoAP), o.node("B2", roost.WebSocket)
	a.say("ip", `"fd00::11"`)
	a.say("led", `"0"`)
	b.say("os", `"riot"`)
	gone := o.node("C3", roost.CoAP)
	f.want(newText("A1", "all"), newText("B2", "all"), updateText("A1", "ip", `"fd00::11"`, "all"),
		updateText("A1", "protocol", `"CoAP"`, "all"), updateText("A1", "led", `"0"`, "all"),
		updateText("B2", "protocol", `"WebSocket"`, "all"), updateText("B2", "os", `"riot"`, "all"), newText("C3", "all"))
	f.refuse(http.StatusServiceUnavailable) // it is stopped
	f.drop()
	roomtest.Eventually(t, "the line is down", func() bool { return !o.u.Status().Connected })
	gone.leave()
	f.refuse(0)
	f.want(newText("A1", "all"), updateText("A1", "ip", `"fd00::11"`, "all"), updateText("A1", "protocol", `"CoAP"`, "all"),
		updateText("A1", "led", `"0"`, "all"), newText("B2", "all"), updateText("B2", "protocol", `"WebSocket"`, "all"),
		updateText("B2", "os", `"riot"`, "all"))
	a.say("led", `"1"`)
	f.want(updateText("A1", "led", `"1"`, "all"))
}

// TestT74UplinkNeverGivesUp: in every case in which a real gateway never tries again.
func TestT74UplinkNeverGivesUp(t *testing.T) {
	keys, other := wire.GenerateKeys(), wire.GenerateKeys()
	f := newStrict(t, keys, AuthHead)
	o := dialTo(t, f.srv.URL, keys, nil)
	o.connected()
	p := o.node("A1", roost.CoAP)
	f.want(newText("A1", "all"))
	for _, status := range []int{401, 500, 404, 503, 200} {
		f.refuse(status)
		f.drop()
		cause := http.StatusText(status)
		roomtest.Eventually(t, "refused with "+cause, func() bool { return strings.Contains(o.u.Status().LastError, cause) })
		f.refuse(0)
		f.want(newText("A1", "all"))
		if n := o.log.count(cause); n != 1 {
			t.Errorf("%d lines in the log of %s", n, cause)
		}
	}
	p.say("led", `"0"`)
	f.want(updateText("A1", "protocol", `"CoAP"`, "all"), updateText("A1", "led", `"0"`, "all"))

	wrong := dialTo(t, f.srv.URL, other, nil)
	roomtest.Eventually(t, "another key is refused", func() bool { return strings.Contains(wrong.u.Status().LastError, "key file") })
	sealed := httptest.NewUnstartedServer(http.NotFoundHandler())
	sealed.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	sealed.StartTLS()
	t.Cleanup(sealed.Close)
	for hub, why := range map[string]string{"ws://127.0.0.1:1": "refused", "ws://no-such-host.invalid:8000": "", sealed.URL: "certificate"} {
		lost := dialTo(t, hub, keys, nil)
		roomtest.Eventually(t, hub, func() bool { e := lost.u.Status().LastError; return e != "" && strings.Contains(e, why) })
	}
}

// TestUplinkIsBackAfterAMuteBroker: one that takes the connection and says nothing,
// and one that drops it.
func TestUplinkIsBackAfterAMuteBroker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := dialTo(t, "ws://"+l.Addr().String(), wire.GenerateKeys(), func(c *UplinkConfig) { c.patience = 50 * time.Millisecond })
	mute, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	conn, err := l.Accept() // it has given that one up
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	again, err := l.Accept() // it tries again
	if err != nil {
		t.Fatal(err)
	}
	_, _ = again.Close(), l.Close()
	o.stop()
}

func TestUplinkAnswersClients(t *testing.T) {
	keys := wire.GenerateKeys()
	f := newStrict(t, keys, AuthHead)
	o := dialTo(t, f.srv.URL, keys, nil)
	o.connected()
	p := o.node("A1", roost.CoAP)
	p.say("temperature", `"21.5°C"`)
	p.say("temperature", `"21.6°C"`)
	f.want(newText("A1", "all"), updateText("A1", "protocol", `"CoAP"`, "all"), updateText("A1", "temperature", `"21.5°C"`, "all"),
		updateText("A1", "temperature", `"21.6°C"`, "all"))
	f.say(`{"type": "new", "data": "client", "src": "c-1"}`)
	f.want(newText("A1", "c-1"), updateText("A1", "protocol", `"CoAP"`, "c-1"), updateText("A1", "temperature", `"21.6°C"`, "c-1"))
	for _, m := range killers { // what silences a real gateway for good
		f.say(m)
	}
	f.say(`{"type": "update", "data": {"uid": "A1", "endpoint": "led", "payload": "1"}, "src": "c-1"}`)
	for {
		select {
		case c := <-p.got:
			if c.Resource != "led" {
				continue // a payload that is no text: the door judges
			}
		case <-time.After(roomtest.Patience):
			t.Fatal("no command")
		}
		break
	}
	f.say(`{"type": "new", "data": "client", "src": "all"}`)
	f.want(newText("A1", "all"))
}

// killers are the messages of a broker after which real gateways hear no more.
var killers = []string{
	`{"type": "new", "data": "client"}`, `{"type": "update", "src": "x"}`, `{"type": "out", "src": "x"}`, `{"type": "reset", "src": "x"}`,
	`{"type": "what", "src": "x"}`, `{"type": "update", "data": null, "src": "x"}`, `{"type": "update", "data": 7, "src": "x"}`,
	`{"type": "update", "data": "uid endpoint payload", "src": "x"}`, `{"type": "update", "data": ["uid", "endpoint", "payload"], "src": "x"}`,
	`{"type": "update", "data": {"uid": "A1", "endpoint": "js", "payload": 7}, "src": "x"}`,
	`{"type": "update", "data": {"uid": "A1", "endpoint": "js", "payload": "é"}, "src": "x"}`,
	`{"type": "update", "data": {"uid": "A1", "endpoint": "led", "payload": "1", "more": 1}, "src": "x"}`,
	`{"type": "update", "data": {"uid": "nobody", "endpoint": "led", "payload": "1"}, "src": "x"}`,
	`no json`, `7`, `null`,
}

// TestSlowNodeHoldsUpNobodyElse: a real gateway handles no other message while it
// waits for a node.
func TestSlowNodeHoldsUpNobodyElse(t *testing.T) {
	keys := wire.GenerateKeys()
	f := newStrict(t, keys, AuthHead)
	o := dialTo(t, f.srv.URL, keys, nil)
	o.connected()
	slow, quick := o.node("A1", roost.CoAP), o.node("B2", roost.CoAP)
	slow.hold = make(chan struct{})
	f.want(newText("A1", "all"), newText("B2", "all"))
	set := func(uid, payload string) {
		f.say(`{"type": "update", "data": {"uid": "` + uid + `", "endpoint": "led", "payload": "` + payload + `"}, "src": "x"}`)
	}
	set("A1", "1")
	set("A1", "0")
	set("B2", "1")
	quick.wantCommand("led", "1")
	slow.wantCommand("led", "1")
	select {
	case c := <-slow.got:
		t.Errorf("a second command while the first is under way: %v", c)
	default:
	}
	close(slow.hold)
	slow.wantCommand("led", "0")
}

func TestRestartResetsAndSaysAgainWhatTheNodeIs(t *testing.T) {
	keys := wire.GenerateKeys()
	f := newStrict(t, keys, AuthHead)
	o := dialTo(t, f.srv.URL, keys, nil)
	o.connected()
	p := o.node("A1", roost.CoAP)
	p.say("ip", `"fd00::11"`)
	p.say("protocol", `"CoAP"`)
	p.say("led", `"0"`)
	if p.arrive(roost.CoAP, false).Fresh {
		t.Error("a sign of life is fresh")
	}
	p.arrive(roost.CoAP, true)
	p.say("protocol", `"CoAP"`) // the door introduces it again
	p.say("led", `"1"`)
	f.want(newText("A1", "all"), updateText("A1", "ip", `"fd00::11"`, "all"), updateText("A1", "protocol", `"CoAP"`, "all"),
		updateText("A1", "led", `"0"`, "all"), `{"type": "reset", "uid": "A1"}`, updateText("A1", "ip", `"fd00::11"`, "all"),
		updateText("A1", "protocol", `"CoAP"`, "all"), updateText("A1", "led", `"1"`, "all"))
}

func TestSilentNodeIsOutAtTheBroker(t *testing.T) {
	keys := wire.GenerateKeys()
	f := newStrict(t, keys, AuthHead)
	o := dialTo(t, f.srv.URL, keys, func(c *UplinkConfig) { c.Presence = 30 * time.Millisecond })
	o.connected()
	p := o.node("A1", roost.CoAP)
	f.want(newText("A1", "all"), `{"type": "out", "uid": "A1"}`)
	p.say("led", `"0"`) // it is back
	f.want(newText("A1", "all"), updateText("A1", "protocol", `"CoAP"`, "all"), updateText("A1", "led", `"0"`, "all"))
}

// TestT75NothingThatABrokerClosesOn: whatever doors say.
func TestT75NothingThatABrokerClosesOn(t *testing.T) {
	keys := wire.GenerateKeys()
	f := newStrict(t, keys, AuthHead)
	o := dialTo(t, f.srv.URL, keys, nil)
	o.connected()
	p := o.node("alive", roost.CoAP) // never the uid of a keep-alive
	for _, r := range []struct {
		name string
		v    roost.Value
	}{
		{"", `"x"`},
		{"/led", `"0"`},
		{"a", "NaN"},
		{"b", "not json"},
		{"c", ""},
		{"d", `"\ud800"`},
		{"e", `"23.4°C\u0000\u0000"`},
		{"f", roost.Value(`"` + strings.Repeat("x", maxSaid) + `"`)},
		{strings.Repeat("n", maxWord+1), "1"},
		{"g", "\"a\nb\""},
		{"imu", `"imu:[{\"type\":\"acc\",\"values\":[1,2,3]}]"`},
		{"h", `"\u0000\u0000text\u0000"`},
	} {
		p.say(r.name, r.v)
	}
	p.say("end", "1")
	got := map[string]string{}
	for {
		m := f.next() // the broker checks each
		if strings.Contains(m, `"endpoint": "end"`) {
			break
		}
		if _, data, ok := strings.Cut(m, `"endpoint": `); ok {
			name, rest, _ := strings.Cut(data, `, "data": `)
			got[name] = strings.TrimSuffix(rest, `, "dst": "all"}`)
		}
	}
	for name, want := range map[string]string{
		`"led"`: `"0"`, `"a"`: `"NaN"`, `"b"`: `"not json"`, `"e"`: `"23.4°C"`, `"h"`: `"text"`,
		`"imu"`: `"[{\"type\":\"acc\",\"values\":[1,2,3]}]"`,
	} {
		if got[name] != want {
			t.Errorf("%s: %s, want %s", name, got[name], want)
		}
	}
	if len(got) != 9 { // protocol, led, a, b, d, e, g, imu, h
		t.Errorf("%d values: %v", len(got), got)
	}
}
