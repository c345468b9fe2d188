package web

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// watching is one live stream, read by an independent client.
type watching struct {
	t    testing.TB
	conn *websocket.Conn
}

// dial opens the stream as b.
func (h *house) dial(b *browser) (*websocket.Conn, *http.Response, error) {
	header := http.Header{}
	if b.token != "" {
		header.Set("Authorization", "Bearer "+b.token)
	}
	return websocket.Dial(h.t.Context(), strings.Replace(h.http.URL, "http", "ws", 1)+apiRoot+"/stream",
		&websocket.DialOptions{HTTPClient: b.client, HTTPHeader: header})
}

// watch opens the stream, subscribes, and reads the greeting.
func (h *house) watch(b *browser, subscribe string) *watching {
	h.t.Helper()
	conn, _, err := h.dial(b)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.CloseNow() })
	w := &watching{h.t, conn}
	w.say(subscribe)
	if hello := w.next(); hello["type"] != "hello" {
		h.t.Fatalf("greeted with %v", hello)
	}
	return w
}

func (w *watching) say(text string) {
	w.t.Helper()
	if err := w.conn.Write(w.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		w.t.Fatal(err)
	}
}

// next gives the next message.
func (w *watching) next() map[string]any {
	w.t.Helper()
	ctx, stop := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer stop()
	_, text, err := w.conn.Read(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		w.t.Fatalf("%v: %s", err, text)
	}
	return m
}

func TestStreamCarriesReadings(t *testing.T) {
	h := open(t)
	ada := h.owner()
	h.arrive("node1", true)
	w := h.watch(ada, `{"subscribe":{"things":["node1"],"types":["reading"]}}`)
	h.report("node1", "temperature", `"24.1°C"`)
	e := w.next()
	if e["type"] != "reading" || e["thing"] != "node1" || e["value"] != "24.1°C" || e["number"] != 24.1 || e["unit"] != "°C" || e["at"].(float64) < 1e12 {
		t.Errorf("the event is %v", e)
	}
}
