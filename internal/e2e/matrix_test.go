package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/mqttclient"
	"github.com/roost-iot/roost/sim"
	wiremqtt "github.com/roost-iot/roost/wire/mqtt"
	"github.com/roost-iot/roost/wire/mqttsn"
)

// heard is what one reader has been told, by thing and resource, in order.
type heard struct {
	name string
	mu   sync.Mutex
	of   map[string][]string // "thing/resource" to the values' JSON texts
}

func (h *heard) add(thing, resource, value string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := thing + "/" + resource
	if all := h.of[key]; len(all) == 0 || all[len(all)-1] != value { // a replay may say the last one again
		h.of[key] = append(all, value)
	}
}

func (h *heard) values(thing, resource string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.of[thing+"/"+resource])
}

// readers listens to the server in every way at once.
func (s *server) readers() []*heard {
	s.t.Helper()
	page, pyaiot, program := &heard{name: "our page", of: map[string][]string{}}, &heard{name: "a Pyaiot page", of: map[string][]string{}}, &heard{name: "an MQTT subscriber", of: map[string][]string{}}
	stream := s.dial("/api/v2/stream?access_token="+s.token, nil)
	stream.write(`{"subscribe":{}}`)
	stream.until(`"hello"`)
	go stream.follow(func(raw []byte) {
		var m struct {
			Type, Thing, Resource string
			Value                 json.RawMessage
		}
		if json.Unmarshal(raw, &m) == nil && m.Type == "reading" {
			page.add(m.Thing, m.Resource, string(m.Value))
		}
	})
	s.node("here") // what a page is told of shows that it listens
	s.awaitState("here", "enrolled")
	foreign := s.page("")
	foreign.until(`"here"`)
	go foreign.follow(func(raw []byte) {
		var m struct {
			Type, UID, Endpoint string
			Data                json.RawMessage
		}
		if json.Unmarshal(raw, &m) == nil && m.Type == "update" {
			pyaiot.add(m.UID, m.Endpoint, string(m.Data))
		}
	})
	s.program(program, "roost/+/state/#")
	return []*heard{page, pyaiot, program}
}

// follow gives every message to f until the connection ends.
func (p *socket) follow(f func(raw []byte)) {
	for {
		_, raw, err := p.conn.Read(context.Background())
		if err != nil {
			return
		}
		f(raw)
	}
}

// program is an MQTT client with an operator's token; what it hears goes to h.
func (s *server) program(h *heard, filters ...string) *mqttclient.Client {
	s.t.Helper()
	subs := make([]wiremqtt.Subscription, len(filters))
	for i, f := range filters {
		subs[i] = wiremqtt.Subscription{Filter: f, QoS: 1}
	}
	return s.mqttClient(mqttclient.Options{
		User: "program", Password: s.newToken("operator"), Subscriptions: subs,
		Handle: func(p *wiremqtt.Publish) {
			_, rest, _ := strings.Cut(p.Topic, "/")
			thing, rest, _ := strings.Cut(rest, "/")
			if resource, ok := strings.CutPrefix(rest, "state/"); ok {
				h.add(thing, resource, string(p.Payload))
			}
		},
	})
}

// farGateway runs roost gateway with a CoAP door, and gives its address.
func (s *server) farGateway() string {
	s.t.Helper()
	return s.outpost(s.http, s.t.TempDir()).coap
}

// talker is a node that says numbers, and waits until each is acknowledged.
type talker struct {
	thing string
	say   func(n int) error
}

// talkers are nodes of every protocol, and one behind a far gateway. What a WebSocket node says nobody acknowledges: it
// waits until page has heard it.
func (s *server) talkers(page *heard) []talker {
	s.t.Helper()
	posts := func(uid, to string) talker {
		p := newPoster(s.t, to, uid)
		p.join()
		return talker{uid, func(n int) error {
			for range 4 { // as a node does that gets no answer; it is another reading then
				if code, ok := p.post("server", fmt.Sprintf("count:%d", n), patience/4); ok && code == changed {
					return nil
				}
			}
			return fmt.Errorf("%d was never acknowledged", n)
		}}
	}
	node := s.node("by-ws")
	publishing := s.mqttClient(mqttclient.Options{ClientID: "by-mqtt"})
	return []talker{
		posts("by-coap", s.coap),
		posts("by-far-coap", s.farGateway()),
		{"by-ws", func(n int) error {
			if err := node.tell(map[string]string{"count": strconv.Itoa(n)}); err != nil {
				return err
			}
			if !within(func() bool { return len(page.values("by-ws", "count")) > n }) {
				return fmt.Errorf("%d was never heard of", n)
			}
			return nil
		}},
		{"by-mqtt", func(n int) error {
			ctx, stop := context.WithTimeout(context.Background(), patience)
			defer stop()
			return publishing.Publish(ctx, &wiremqtt.Publish{Topic: "node/by-mqtt/count", QoS: 1, Payload: fmt.Appendf(nil, `{"value": "%d"}`, n)})
		}},
		s.snTalker("by-mqttsn"),
	}
}

// snTalker speaks MQTT-SN as RIOT's emcute does.
func (s *server) snTalker(id string) talker {
	s.t.Helper()
	conn, err := net.Dial("udp", s.mqttsn)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() }) // nothing is lost
	buf := make([]byte, 1500)
	ask := func(frame []byte, answer mqttsn.Type) (mqttsn.Message, error) {
		for range 4 {
			if _, err := conn.Write(frame); err != nil {
				return nil, err
			}
			_ = conn.SetReadDeadline(time.Now().Add(patience / 4)) // Read tells
			for {
				n, err := conn.Read(buf)
				if err != nil {
					break
				}
				if kind, _, _, err := mqttsn.Scan(buf[:n]); err == nil && kind == answer {
					return mqttsn.Parse(slices.Clone(buf[:n]))
				}
			}
		}
		return nil, fmt.Errorf("no %v came", answer)
	}
	if _, err := ask(append([]byte{byte(6 + len(id)), 0x04, 0x04, 0x01, 0x01, 0x68}, id...), mqttsn.TypeConnack); err != nil {
		s.t.Fatal(err)
	}
	topic := "node/" + id + "/count"
	next := uint16(0x1234)
	return talker{id, func(n int) error {
		next++
		reg, err := ask(append([]byte{byte(6 + len(topic)), 0x0a, 0, 0, byte(next >> 8), byte(next)}, topic...), mqttsn.TypeRegack)
		if err != nil {
			return err
		}
		tid := reg.(mqttsn.Regack).TopicID
		next++
		data := fmt.Sprintf(`{"value":"%d"}`, n)
		_, err = ask(append([]byte{byte(7 + len(data)), 0x0c, 0x20, byte(tid >> 8), byte(tid), byte(next >> 8), byte(next)}, data...), mqttsn.TypePuback)
		return err
	}}
}

func TestEveryReadingOfEveryDoorReachesEveryReader(t *testing.T) {
	const most = 200
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "open", "--pyaiot-clients", "open")
	readers := s.readers()
	began := time.Now()
	nodes := s.talkers(readers[0])
	var talking sync.WaitGroup
	for _, n := range nodes {
		talking.Go(func() {
			for i := range most {
				if err := n.say(i); err != nil {
					t.Errorf("%s: %v", n.thing, err)
					return
				}
				time.Sleep(2 * time.Millisecond) // a reading has a millisecond of its own
			}
		})
	}
	talking.Wait()
	want := make([]string, most)
	for i := range want {
		want[i] = strconv.Quote(strconv.Itoa(i))
	}
	for _, n := range nodes {
		for _, r := range readers {
			if !within(func() bool { return slices.Equal(r.values(n.thing, "count"), want) }) {
				t.Errorf("%s heard of %s: %v", r.name, n.thing, r.values(n.thing, "count"))
			}
		}
		if !within(func() bool { return len(s.readings(n.thing, "count", began)) == most }) {
			t.Errorf("the API has %d of %d readings of %s", len(s.readings(n.thing, "count", began)), most, n.thing)
		}
	}
	s.endsWell()
}

// within is eventually for those who want to say themselves what is wrong.
func within(ok func() bool) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return ok()
}

func TestCommandsOfEveryReaderReachEveryNode(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "open", "--pyaiot-clients", "open")
	readers := s.readers()
	play := func(protocol string, of func(sim.Config) *sim.Fleet, to string) string {
		ctx, end := context.WithCancel(context.Background())
		fleet := of(sim.Config{To: to, Count: 1, UID: protocol + "-", Resources: []string{"led"}, Interval: time.Hour})
		done := started(func() { _ = fleet.Run(ctx) }) // ended by the test
		t.Cleanup(func() { end(); <-done })
		return fleet.IDs()[0]
	}
	things := []string{
		play("coap", sim.CoAP, s.coap),
		play("far", sim.CoAP, s.farGateway()),
		play("ws", sim.WS, s.http),
		play("mqtt", sim.MQTT, s.mqtt),
		play("mqttsn", sim.MQTTSN, s.mqttsn),
	}
	program := s.mqttClient(mqttclient.Options{User: "program", Password: s.newToken("operator")})
	pyaiot := s.page("")
	commanders := []struct {
		name string
		set  func(thing, value string)
	}{
		{"the API", func(thing, value string) { s.confirm(thing, "led", value) }},
		{"a Pyaiot page", func(thing, value string) {
			pyaiot.write(fmt.Sprintf(`{"type":"update","data":{"uid":%q,"endpoint":"led","payload":%q}}`, thing, value))
		}},
		{"an MQTT program", func(thing, value string) {
			ctx, stop := context.WithTimeout(context.Background(), patience)
			defer stop()
			if err := program.Publish(ctx, &wiremqtt.Publish{Topic: "roost/" + thing + "/set/led", QoS: 1, Payload: []byte(strconv.Quote(value))}); err != nil {
				t.Errorf("set of %s: %v", thing, err)
			}
		}},
	}
	for _, thing := range things {
		s.awaitValue(thing, "led", `"0"`)
		want := []string{`"0"`}
		for i, c := range commanders {
			value := strconv.Itoa((i + 1) % 2)
			c.set(thing, value)
			want = append(want, strconv.Quote(value))
			s.awaitValue(thing, "led", strconv.Quote(value))
			for _, r := range readers {
				if !within(func() bool { return slices.Equal(r.values(thing, "led"), want) }) {
					t.Errorf("%s set %s: %s heard %v, want %v", c.name, thing, r.name, r.values(thing, "led"), want)
				}
			}
		}
	}
	s.endsWell()
}

// started runs f and gives a channel that is closed at its end.
func started(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	return done
}
