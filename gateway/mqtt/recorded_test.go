package mqtt

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/gateway/pyaiot"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
)

// entry is one of a recorded session: an MQTT packet, or a message between Pyaiot's
// MQTT gateway and its broker.
type entry struct {
	Ev, Conn, Dir, Op, Data, Flag string
	Pkt, Topic, Payload           string
	ClientID                      string `json:"client_id"`
	Filters                       []any  // of SUBSCRIBE: [filter, qos]
}

func recorded(t *testing.T, name string) (lines []entry) {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var l entry
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

// page opens /ws of the same rooms, as a page of Pyaiot does.
func (h *house) page() *roomtest.Peer {
	h.t.Helper()
	door := pyaiot.New(pyaiot.Config{
		Core: h.Switchboard, Feed: h.Feed, Fleet: h.Registry, Log: slog.New(slog.DiscardHandler),
		Clients: pyaiot.ClientsOpen, Submit: h.Submit,
	})
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { door.Run(ctx) })
	srv := httptest.NewServer(http.HandlerFunc(door.ServeClient))
	h.t.Cleanup(func() {
		cancel()
		run.Wait()
		srv.Close()
	})
	var p *roomtest.Peer
	roomtest.Eventually(h.t, "the page's door is open", func() bool {
		resp, err := http.Get(srv.URL)
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode != http.StatusServiceUnavailable
	})
	p = roomtest.Dial(h.t, "ws"+strings.TrimPrefix(srv.URL, "http"), nil)
	p.Send(`{"type":"new","data":"client"}`)
	return p
}

// TestRecordedSessionOf2019 plays the MQTT node of a recorded run with Pyaiot's MQTT
// gateway of April 2019: it says what it said, and must get what it got; what the
// gateway told its broker is what a page must see. What differs: the node's uid is its
// id here and was random there; we also take the values that it sends before it is
// asked, and when it comes back the page gets its last values again; a node whose
// connection is lost is out at once, there after 45 s.
func TestRecordedSessionOf2019(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	h.join("marker", 4, nil).say("roost/marker/readings/x", "1")
	h.has("marker", "x", "1")
	page := h.page()
	said := map[string]bool{"=null": true}
	for marked := false; !marked; { // until it is told what happens, not what was
		got := page.Next()
		marked = strings.Contains(got, `"marker"`) && strings.Contains(got, `"x"`)
		said[valueShown(t, got)] = true
	}
	var node *inner
	uid := "" // the recorded one
	matched := 0
	for _, l := range recorded(t, "session-2019") {
		fromNode := l.Dir == "mqtt-node>mqtt-broker"
		switch {
		case fromNode && l.Pkt == "CONNECT":
			node = h.join(l.ClientID, 4, nil)
		case fromNode && l.Pkt == "SUBSCRIBE":
			node.hear(l.Filters[0].([]any)[0].(string))
		case fromNode && l.Pkt == "PUBLISH":
			said[value2019(l.Topic, l.Payload)] = true
			node.say(l.Topic, l.Payload)
		case l.Dir == "mqtt-broker>mqtt-node" && l.Pkt == "PUBLISH":
			if m := node.next(); m.topic != l.Topic || m.payload != l.Payload || m.qos != 1 {
				t.Fatalf("the node got %+v, and then %s %s", m, l.Topic, l.Payload)
			}
		case fromNode && l.Flag == "fin":
			node.end(broker.Lost)
		case l.Dir == "broker>mqtt-gateway" && l.Op == "text" && strings.Contains(l.Data, `"uid": "`+uid+`"`):
			page.Send(strings.Replace(strings.Replace(l.Data, uid, "mqtt_test_node", 1), `, "src"`, `, "ignored"`, 1))
		case l.Dir == "broker>mqtt-gateway" && l.Flag == "fin": // the gateway was stopped
			if matched < 30 {
				t.Errorf("only %d messages of the gateway were in the recording", matched)
			}
			return
		case l.Dir == "mqtt-gateway>broker" && l.Op == "text" && !strings.HasPrefix(l.Data, "gAAAA"):
			var m struct{ Type, UID, Dst string }
			if err := json.Unmarshal([]byte(l.Data), &m); err != nil {
				t.Fatal(err)
			}
			if m.UID == "alive" || m.Dst != "" && m.Dst != "all" {
				continue
			}
			uid = m.UID
			text := strings.Replace(l.Data, uid, "mqtt_test_node", 1)
			for got := page.Next(); got != text; got = page.Next() {
				if !said[valueShown(t, got)] {
					t.Fatalf("got  %s\nwant %s", got, text)
				}
			}
			matched++
			said[valueShown(t, text)] = true // id and protocol: it may come again with the last values
		}
	}
	t.Fatal("the recording has no end")
}

// value2019 names a value that a node sent.
func value2019(topic, payload string) string {
	var v struct{ Value any }
	_ = json.Unmarshal([]byte(payload), &v) // of other messages nothing is left
	name, _ := json.Marshal(v.Value)
	return topic[strings.LastIndexByte(topic, '/')+1:] + "=" + string(name)
}

// valueShown names a value that a page was told; id and protocol are the gateway's.
func valueShown(t *testing.T, text string) string {
	t.Helper()
	var m struct {
		Type, Endpoint string
		Data           any
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	data, _ := json.Marshal(m.Data)
	return m.Endpoint + "=" + string(data)
}

// TestRecordedSessionOf2021 plays the node of a recorded run whose gateway never
// noticed it: it is discovered, and its values are there.
func TestRecordedSessionOf2021(t *testing.T) {
	everywhere(t, registry.EnrolOpen, func(t *testing.T, h *house, join func(string) party) {
		var node party
		last := map[string]string{}
		for _, l := range recorded(t, "session-2021") {
			if l.Dir != "mqtt-node>mqtt-broker" {
				continue
			}
			switch l.Pkt {
			case "CONNECT":
				if node != nil {
					node.end(broker.Clean)
				}
				node = join(l.ClientID)
			case "SUBSCRIBE":
				node.hear(l.Filters[0].([]any)[0].(string))
			case "PUBLISH":
				node.say(l.Topic, l.Payload)
				if l.Topic == "node/check" {
					if len(last) == 0 {
						want(t, node, "gateway/mqtt_test_node/discover", "resources")
					}
					continue
				}
				name, v, _ := strings.Cut(value2019(l.Topic, l.Payload), "=")
				last[name] = v
			}
		}
		for name, v := range last {
			h.has("mqtt_test_node", name, v)
		}
		if len(last) != 7 {
			t.Errorf("the recording gave %v", last)
		}
	})
}
