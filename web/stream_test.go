package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost"
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
	ctx, stop := context.WithTimeout(w.t.Context(), time.Minute)
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

// closed reads to the end and gives the close code, with the messages before it.
func (w *watching) closed() (code websocket.StatusCode, reason string, before []map[string]any) {
	w.t.Helper()
	ctx, stop := context.WithTimeout(w.t.Context(), time.Minute)
	defer stop()
	for {
		_, text, err := w.conn.Read(ctx)
		if err != nil {
			var e websocket.CloseError
			if !errors.As(err, &e) {
				w.t.Fatalf("ended without a close frame: %v", err)
			}
			return e.Code, e.Reason, before
		}
		var m map[string]any
		if err := json.Unmarshal(text, &m); err != nil {
			w.t.Fatal(err)
		}
		before = append(before, m)
	}
}

func TestStreamResumes(t *testing.T) {
	h := open(t)
	ada := h.owner()
	h.arrive("node1", true)
	h.arrive("node2", true)
	w := h.watch(ada, `{"subscribe":{}}`)
	h.report("node1", "n", "1")
	seq := w.next()["seq"].(float64)
	_ = w.conn.CloseNow()
	h.report("node1", "n", "2")
	h.report("node2", "n", "3")

	w = h.watch(ada, fmt.Sprintf(`{"subscribe":{"things":["node2"]},"after":%.0f}`, seq))
	if e := w.next(); e["thing"] != "node2" || e["value"] != 3.0 || e["seq"] != seq+2 {
		t.Errorf("resumed with %v", e)
	}
	w.say(`{"subscribe":{"things":["node1"]}}`)
	if hello := w.next(); hello["type"] != "hello" || hello["seq"].(float64) < seq+2 {
		t.Errorf("the new filter was greeted with %v", hello)
	}
	h.report("node2", "n", "4")
	h.report("node1", "n", "5")
	if e := w.next(); e["value"] != 5.0 {
		t.Errorf("the new filter let %v through", e)
	}
}

// TestSubscribingAgainLosesNothing changes the filter over and over while events pour in.
func TestSubscribingAgainLosesNothing(t *testing.T) {
	h := open(t)
	ada := h.owner()
	w := h.watch(ada, `{"subscribe":{}}`)
	const rounds, each = 200, 20
	published := make(chan uint64, 1)
	first := h.Feed.Last()
	go func() {
		for range rounds * each / 5 {
			h.publish(5)
			runtime.Gosched()
		}
		published <- h.Feed.Last()
	}()
	again := `{"subscribe":{"types":["reading"]}}`
	for range 4 {
		w.say(again)
	}
	hellos, seen, last := 0, map[float64]bool{}, float64(0)
	for hellos < rounds || len(seen) < rounds*each {
		e := w.next()
		seq := e["seq"].(float64)
		if e["type"] == "hello" {
			if hellos++; hellos <= rounds-4 {
				w.say(again)
			}
			continue
		}
		if seq <= last || last > 0 && seq != last+1 {
			t.Fatalf("event %.0f follows %.0f", seq, last)
		}
		last, seen[seq] = seq, true
	}
	if end := <-published; float64(end) != last || end-first < rounds*each {
		t.Errorf("read up to %.0f of %d", last, end)
	}
}

func TestStreamFromLongAgoStartsAnew(t *testing.T) {
	h := open(t)
	ada := h.owner()
	for _, after := range []string{"1", "18446744073709551615"} {
		conn, _, err := h.dial(ada)
		if err != nil {
			t.Fatal(err)
		}
		w := &watching{t, conn}
		w.say(`{"subscribe":{},"after":` + after + `}`)
		if e := w.next(); e["type"] != "resync" || e["seq"] != float64(h.Feed.Last()) {
			t.Errorf("after %s: %v", after, e)
		}
		_ = conn.CloseNow()
	}
}

func TestStreamRefusesWhatItDoesNotUnderstand(t *testing.T) {
	h := open(t)
	ada := h.owner()
	for say, want := range map[string]websocket.StatusCode{
		`{"subscribe":`:                              unreadable,
		`[]`:                                         unreadable,
		`{}`:                                         unreadable,
		`{"subscribe":{},"from":1}`:                  unreadable,
		`{"subscribe":{"types":["gossip"]}}`:         unreadable,
		`{"subscribe":{"types":[""]}}`:               unreadable,
		`{"subscribe":{"things":"node1"}}`:           unreadable,
		`{"subscribe":{}}{"subscribe":{}}`:           unreadable,
		`{"subscribe":{}}]`:                          unreadable,
		`{"subscribe":{},"after":-1}`:                unreadable,
		`{"x":"` + strings.Repeat("x", 1<<16) + `"}`: websocket.StatusMessageTooBig,
	} {
		conn, _, err := h.dial(ada)
		if err != nil {
			t.Fatal(err)
		}
		w := &watching{t, conn}
		w.say(say)
		if code, reason, _ := w.closed(); code != want || reason == "" {
			t.Errorf("%.60s: closed with %d %q, want %d", say, code, reason, want)
		}
	}
	conn, _, err := h.dial(ada)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Write(t.Context(), websocket.MessageBinary, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := (&watching{t, conn}).closed(); code != unreadable {
		t.Errorf("a binary message: closed with %d", code)
	}
	eventually(t, "all streams are gone", func() bool { return h.server.hub.count() == 0 })
}

func TestStreamShowsNoOtherProject(t *testing.T) {
	h := open(t)
	ada := h.owner()
	w := h.watch(ada, `{"subscribe":{}}`)
	h.Feed.Publish(&roost.Event{Kind: roost.Read, Ref: roost.Ref{Project: "lab", Thing: "node1"}, Resource: "secret", Value: "1"})
	h.Feed.Publish(&roost.Event{Kind: roost.Read, Ref: h.server.ref("node1"), Resource: "n", Value: "2"})
	if e := w.next(); e["resource"] != "n" {
		t.Errorf("the stream of project home says %v", e)
	}
}

func TestStreamWantsAWebSocket(t *testing.T) {
	h := open(t)
	ada := h.owner()
	b := h.as(ada, "viewer")
	b.want(426, "GET", "/stream", nil)
	h.browser().want(401, "GET", "/stream", nil)

	address := strings.Replace(h.http.URL, "http", "ws", 1) + apiRoot + "/stream"
	conn, _, err := websocket.Dial(t.Context(), address+"?access_token="+b.token, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.CloseNow()
	_, res, err := websocket.Dial(t.Context(), address+"?access_token=rst_bogus", nil)
	if err == nil || res.StatusCode != 401 {
		t.Errorf("a bogus token: %v", err)
	}
	if res, _ := h.browser().send("GET", "/things?access_token="+b.token, nil); res.StatusCode != 401 {
		t.Errorf("a token in the address of another operation: %d", res.StatusCode)
	}
}

func TestOtherSitesCannotWatch(t *testing.T) {
	h := open(t)
	ada := h.owner()
	address := strings.Replace(h.http.URL, "http", "ws", 1) + apiRoot + "/stream"
	for _, site := range []string{"cross-site", "same-site"} {
		_, res, err := websocket.Dial(t.Context(), address, &websocket.DialOptions{
			HTTPClient: ada.client, HTTPHeader: http.Header{"Origin": {"http://evil.example"}, "Sec-Fetch-Site": {site}},
		})
		if err == nil || res.StatusCode != 403 {
			t.Errorf("a page of another site: %v", err)
		}
	}
}

func TestStreamEndsWithTheRight(t *testing.T) {
	h := open(t)
	ada := h.owner()
	grace := h.as(ada, "viewer")
	w, other := h.watch(grace, `{"subscribe":{}}`), h.watch(ada, `{"subscribe":{}}`)
	id := ada.want(200, "GET", "/tokens", nil)["tokens"].([]any)[0].(map[string]any)["id"].(string)
	ada.want(204, "DELETE", "/tokens/"+id, nil)
	h.server.hub.expel(t.Context())
	if code, reason, _ := w.closed(); code != signedOut || reason == "" {
		t.Errorf("closed with %d %q", code, reason)
	}
	h.arrive("node1", true)
	if e := other.next(); e["type"] != "thing" {
		t.Errorf("the other stream says %v", e)
	}
}

func TestStreamsEndWhenTheServerStops(t *testing.T) {
	h := open(t)
	ada := h.owner()
	w, mute := h.watch(ada, `{"subscribe":{}}`), h.watch(ada, `{"subscribe":{}}`)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { h.server.Run(ctx); close(ended) }()
	stop()
	for _, one := range []*watching{w, mute} {
		if code, _, _ := one.closed(); code != websocket.StatusGoingAway {
			t.Errorf("closed with %d", code)
		}
	}
	<-ended
	ada.want(503, "GET", "/stream", nil, "Upgrade", "websocket", "Connection", "Upgrade")
}

func TestStreamsAreBounded(t *testing.T) {
	h := open(t, func(c *Config) { c.MaxWatchers = 2 })
	ada := h.owner()
	h.watch(ada, `{"subscribe":{}}`)
	w := h.watch(ada, `{"subscribe":{}}`)
	if _, res, err := h.dial(ada); err == nil || res.StatusCode != 503 {
		t.Errorf("the third stream: %v", err)
	}
	_ = w.conn.CloseNow()
	eventually(t, "the place is free again", func() bool { return h.server.hub.count() == 1 })
	h.watch(ada, `{"subscribe":{}}`)
}

func TestEventIsFramedOnceForAll(t *testing.T) {
	h := open(t)
	f := h.server.hub.frames
	event := func(seq uint64) *roost.Event {
		return &roost.Event{Seq: seq, Kind: roost.Read, Ref: h.server.ref("node1"), Resource: "n", Value: "1"}
	}
	one := f.of(event(7))
	if again := f.of(event(7)); &again[0] != &one[0] {
		t.Error("the second watcher got a frame of its own")
	}
	later := f.of(event(7 + keptFrames))
	if old := f.of(event(7)); string(old) != string(one) || string(old) == string(later) {
		t.Errorf("the old event became %s", old)
	}
	if kept := f.of(event(7 + keptFrames)); &kept[0] != &later[0] {
		t.Error("an old event took the place of a newer one")
	}
}
