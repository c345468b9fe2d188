package device_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/desk"
)

// A new board, from its set-up network to Roost, with the whole runtime.
func TestNewBoardGetsIntoTheWiFi(t *testing.T) {
	for _, profile := range []string{"full", "lean"} {
		t.Run(profile, func(t *testing.T) {
			s := coreServer(t, desk.ServerConfig{})
			b := coreBoard(t, s, desk.BoardConfig{
				Profile: profile, Files: map[string]string{"wifi.json": "[]"}, Settings: map[string]any{"server": "http://nowhere"},
			})
			ctx, cancel := context.WithTimeout(t.Context(), corePatience)
			defer cancel()
			if err := b.Printed(ctx, "no network"); err != nil {
				t.Fatal(err)
			}
			form := url.Values{"ssid": {desk.SSID}, "password": {desk.Password}, "server": {desk.URL}}
			client := b.Client()
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			for {
				q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://board/save", strings.NewReader(form.Encode()))
				if err != nil {
					t.Fatal(err)
				}
				resp, err := client.Do(q)
				if err == nil {
					_ = resp.Body.Close()
					break
				}
				if ctx.Err() != nil {
					t.Fatalf("the page: %v", err)
				}
				time.Sleep(10 * time.Millisecond) // it does not listen yet
			}
			v := coreWait(t, b.Thing(), "a registration", func(v desk.View) bool { return v.Boots == 1 })
			if v.Register.Reset != "planned" || v.Register.Why != "setup" {
				t.Errorf("registered after %s: %s", v.Register.Reset, v.Register.Why)
			}
		})
	}
}

// What Roost pushes is tried while the app runs; what cannot be joined costs nothing but
// a line in the log.
func TestWiFiPushedByRoost(t *testing.T) {
	air := micropython.NewWiFi(map[string]string{desk.SSID: desk.Password, "new": "a new password"})
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{WiFi: air, App: map[string]string{"app.py": coreApp}})
	coreWait(t, b.Thing(), "a sync", func(v desk.View) bool { return v.Syncs > 0 })
	b.Thing().Set(map[string]any{"wifi": []map[string]string{{"ssid": "new", "password": "not that one"}}})
	said := func(what string) func(desk.View) bool {
		return func(v desk.View) bool { return strings.Contains(strings.Join(v.Logs(), "\n"), what) }
	}
	coreWait(t, b.Thing(), "word of the failure", said("Wi-Fi new cannot be joined"))
	v := coreWait(t, b.Thing(), "word of the old one", said("Wi-Fi "+desk.SSID))
	count := v.Values["count"]
	coreWait(t, b.Thing(), "the app", func(v desk.View) bool { return string(v.Values["count"]) != string(count) })
	b.Thing().Set(map[string]any{"wifi": []map[string]string{{"ssid": "new", "password": "a new password"}}})
	v = coreWait(t, b.Thing(), "word of the new one", said("Wi-Fi new, "))
	if v.Boots != 1 {
		t.Errorf("%d boots", v.Boots)
	}
	air.Drop(desk.SSID) // nobody needs it any more
	syncs := v.Syncs
	coreWait(t, b.Thing(), "more syncs", func(v desk.View) bool { return v.Syncs > syncs+2 })
}

// The runtime announces its app's resources as a node of Pyaiot, beside its line to Roost.
func TestBoardIsANodeOfPyaiot(t *testing.T) {
	d := openNodeDoors(t)
	s := desk.NewServer(desk.ServerConfig{})
	t.Cleanup(s.Close)
	app := strings.Replace(coreApp, "async def run", "led = 0\ndef switch(v):\n    global led\n    led = v\nplatform.resource('led', lambda: led, switch)\nasync def run", 1)
	b := coreBoard(t, s, desk.BoardConfig{
		App: map[string]string{"app.py": app}, Settings: map[string]any{"pyaiot": "mqtt://" + d.mqtt, "pyaiot_id": nodeID, "name": "Attic"},
		Network: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address != d.mqtt {
				return nil, errors.New("not in reach")
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	})
	d.has("name", "Attic")
	d.has("led", "0")
	d.set("led", "1")
	d.has("led", "1")
	coreWait(t, b.Thing(), "the LED at Roost", func(v desk.View) bool { return strings.Trim(string(v.Values["led"]), `"`) == "1" })
}
