package e2e

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost/sim"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// healthy are the peers that must not notice the storm.
type healthy struct {
	s     *server
	post  *poster
	node  *wsNode
	gw    *socket
	page  *socket
	round int
}

// check lets a value arrive over every door, and a command be confirmed by a thing of each kind.
func (h *healthy) check(what string) {
	s := h.s
	s.t.Helper()
	h.round++
	value := fmt.Sprint(h.round)
	eventually(s.t, "after "+what+" CoAP answers", func() bool { // a full socket loses datagrams, and nodes send again
		code, ok := h.post.post("server", "counter:"+value, time.Second)
		if ok && code != changed {
			s.t.Fatalf("after %s CoAP answers %v", what, code)
		}
		return ok
	})
	if err := h.node.tell(map[string]string{"counter": value}); err != nil {
		s.t.Fatalf("after %s: %v", what, err)
	}
	h.gw.write(`{"type": "update", "uid": "far", "endpoint": "counter", "data": "` + value + `", "dst": "all"}`)
	h.page.until(`"uid": "far"`, `"counter"`, `"`+value+`"`)
	for _, id := range []string{"healthy", "near", "far"} {
		eventually(s.t, "after "+what+" a value of "+id, func() bool {
			t, _ := s.thing(id)
			return strings.Trim(t.value("counter"), `"`) == value
		})
	}
	s.confirm("near", "led", value)
	for _, id := range []string{"sim-coap-1", "sim-mqtt-1", "sim-mqttsn-1"} {
		s.confirm(id, "led", fmt.Sprint(h.round%2))
	}
	c := s.send("far", "led", value)
	h.gw.until(`"far"`, `"led"`, `"`+value+`"`)
	h.gw.write(`{"type": "update", "uid": "far", "endpoint": "led", "data": "` + value + `", "dst": "all"}`)
	s.awaitCommand(c.ID, "done")
}

func (s *server) healthy(ctx context.Context, parts *sync.WaitGroup) *healthy {
	s.t.Helper()
	for to, of := range map[string]func(sim.Config) *sim.Fleet{s.coap: sim.CoAP, s.mqtt: sim.MQTT, s.mqttsn: sim.MQTTSN} {
		fleet := of(sim.Config{To: to, Resources: []string{"led", "temperature"}})
		parts.Go(func() { _ = fleet.Run(ctx) }) // the check tells
	}
	h := &healthy{s: s, post: newPoster(s.t, s.coap, "healthy"), node: s.node("near"), gw: s.gateway(), page: s.page("")}
	h.post.join()
	h.gw.write(`{"type": "new", "uid": "far", "dst": "all"}`)
	h.page.until(`"uid": "far"`)
	for _, id := range []string{"near", "sim-coap-1", "sim-mqtt-1", "sim-mqttsn-1"} {
		eventually(s.t, id+" has an LED", func() bool { t, _ := s.thing(id); return t.value("led") != "" })
	}
	return h
}

type batch struct {
	name string
	send func() int // how many inputs were sent
}

func TestMalformedInputDisturbsNobody(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "open", "--pyaiot-clients", "open")
	ctx, stop := context.WithCancel(t.Context())
	var parts sync.WaitGroup
	defer parts.Wait()
	defer stop()
	h := s.healthy(ctx, &parts)
	h.check("nothing")
	before := s.memory()
	sum := 0
	for _, b := range []batch{
		{"broken CoAP", s.brokenCoAP},
		{"broken HTTP", s.brokenHTTP},
		{"broken WebSocket frames", s.brokenFrames},
		{"broken messages", s.brokenMessages},
		{"broken API calls", s.brokenCalls},
		{"broken MQTT", s.brokenMQTT},
		{"broken MQTT-SN", s.brokenMQTTSN},
		{"broken relay", s.brokenRelay},
	} {
		n := b.send()
		t.Logf("%s: %d", b.name, n)
		sum += n
		h.check(b.name)
	}
	if sum < 400 {
		t.Errorf("only %d malformed inputs", sum)
	}
	if after := s.memory(); after > before+200<<20 {
		t.Errorf("memory grew from %d to %d MiB", before>>20, after>>20)
	}
	s.endsWell()
}

// memory is what the server says it takes, in bytes.
func (s *server) memory() int64 {
	s.t.Helper()
	var system struct {
		Memory int64 `json:"memory_bytes"`
	}
	s.call("GET", "/system", nil, &system)
	return system.Memory
}

// validCoAP are datagrams that the door takes.
var validCoAP = [][]byte{
	[]byte("\x42\x02\x10\x01ab\xb5alive\xffalive:storm"),
	[]byte("\x52\x02\x10\x02ab\xb6server\xfftemperature:20.0"),
	[]byte("\x44\x01\x10\x03abcd\xbb.well-known\x04core"),
	[]byte("\x48\x01\x10\x04abcdefgh\x60\x55alive\xd1\x0a\x06"),
	[]byte("\x40\x02\x10\x05\xb6server\xd1\x03\x0e\xc1\x08\xfftemperature:1"),
	[]byte("\x62\x45\x10\x06ab\xc0\xff{}"),
	[]byte("\x40\x00\x10\x07"),
	[]byte("\x70\x00\x10\x08"),
}

// brokenCoAP cuts and changes valid datagrams.
func (s *server) brokenCoAP() int {
	conn, err := net.Dial("udp", s.coap)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	dice := rand.New(rand.NewPCG(1, 2))
	n := 0
	put := func(b []byte) {
		_, _ = conn.Write(b) // an ICMP error of before is no matter
		n++
	}
	for _, whole := range validCoAP {
		for cut := range whole {
			put(whole[:cut])
		}
		for range 100 {
			b := append([]byte(nil), whole...)
			for range 1 + dice.IntN(4) {
				b[dice.IntN(len(b))] = byte(dice.Uint32())
			}
			put(b)
		}
	}
	put(make([]byte, 65000))
	put([]byte("\x42\x02\x20\x01ab\xb6server\xff" + strings.Repeat("x", 60000)))
	put([]byte("\x42\x02\x20\x02ab\xb6server\xff\xff\xfe\x00:\x00"))
	put([]byte("\x42\x02\x20\x03ab\xb5alive\xffalive:" + strings.Repeat("y", 1000)))
	put([]byte("\x42\x02\x20\x04ab\xb5alive\xffalive:../../etc/passwd\n"))
	return n
}

// raw sends bytes to the HTTP port, and reads what comes for a moment.
func (s *server) raw(text string) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.http)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(200 * time.Millisecond)) // hanging is no fault of the server
	_, _ = io.WriteString(conn, text)                            // it may hang up early
	_, _ = io.Copy(io.Discard, conn)
}

func (s *server) brokenHTTP() int {
	inputs := []string{
		"", "\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"POST /api/v2/session HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST /api/v2/session HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /api/v2/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
		"GET /%00%ff HTTP/1.1\r\nHost: x\r\n\r\n", "GET /../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /assets/..%2f..%2fx HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("b", 2<<20) + "\r\n\r\n",
		"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
		"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 7\r\nSec-WebSocket-Key: AA\r\n\r\n",
		"POST /node HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n",
	}
	var all sync.WaitGroup
	for _, in := range inputs {
		all.Go(func() { s.raw(in) })
	}
	all.Wait()
	return len(inputs)
}

// brokenFrames opens each WebSocket path by hand and breaks RFC 6455 afterwards.
func (s *server) brokenFrames() int {
	frames := []string{
		"\x81\x01a", "\x81\x85abcd", "\xf1\x80abcd", "\x83\x80abcd", "\x8b\x80abcd", "\x09\x80abcd", "\x89\xfe\x00\x80abcd",
		"\x80\x80abcd", "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00abcd", "\x81\xff\x00\x00\x00\x00\xff\xff\xff\xffabcd",
		"\x88\x81abcda", "\x88\x82abcd\x00\x00", "\x01\x80abcd\x01\x80abcd", "\x81\x82\x00\x00\x00\x00\xff\xfe", "\x81\xfe\x00\x01abcda",
		"\x82\x84\x00\x00\x00\x00\xff\xff\xff\xff",
	}
	heads := map[string]string{"/node?id=storm": "", "/ws": "", "/gw": "Sec-WebSocket-Protocol: token, " + s.gatewayToken() + "\r\n"}
	var all sync.WaitGroup
	for path, extra := range heads {
		for _, f := range frames {
			all.Go(func() {
				s.raw("GET " + path + " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + extra +
					"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + f)
			})
		}
	}
	all.Wait()
	return len(frames) * len(heads)
}

func (s *server) gatewayToken() string {
	s.t.Helper()
	keys, err := wire.LoadKeys(s.keys)
	if err != nil {
		s.t.Fatal(err)
	}
	return keys.Token(time.Now())
}

// brokenJSON are messages and bodies that are wrong in some way, or strange.
var brokenJSON = []string{
	"", "{", "[]", "null", "0", `"x"`, `{"type":1}`, `{"type":"new"}`, `{"type":"update"}`, `{"type":"out"}`, `{"type":"reset"}`,
	`{"type":"nothing"}`, `{"type":"new","uid":1,"dst":2}`, `{"type":"new","uid":"","dst":"all"}`, `{"type":"update","data":null}`,
	`{"type":"update","data":"x"}`, `{"type":"update","data":[]}`, `{"type":"update","data":{"uid":1,"endpoint":2,"payload":3}}`,
	`{"type":"update","data":{"uid":"far"}}`, `{"type":"update","data":{"":""}}`, `{"type":"update","data":{"a":1e999}}`,
	`{"type":"update","uid":"far","endpoint":"","data":"","dst":"all"}`, `{"type":"new","type":"out","uid":"far"}`,
	`{"type":"update","data":{"a":"\ud800"}}`, `{"type":"update","data":{"\u0000":"\u0000"}}`,
	`{"type":"new","uid":"../..","dst":"all"}`, strings.Repeat("[", 20_000), strings.Repeat(`{"a":`, 20_000),
	`{"type":"update","data":{"a":"` + strings.Repeat("z", 200_000) + `"}}`, `{"type":"update",}`, "{\"type\":\"new\"\x00}",
}

func (s *server) brokenMessages() int {
	n := 0
	var all sync.WaitGroup
	for _, path := range []string{"/node?id=storm", "/ws", "/gw", "/api/v2/stream?access_token=" + s.token} {
		for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
			var o websocket.DialOptions
			if path == "/gw" {
				o.Subprotocols = []string{"token", s.gatewayToken()}
			}
			all.Go(func() {
				for _, text := range brokenJSON {
					s.throwAt(path, &o, kind, text)
				}
			})
			n += len(brokenJSON)
		}
	}
	all.Wait()
	return n
}

// throwAt sends one message on a connection of its own, and reads for a moment what comes of it.
func (s *server) throwAt(path string, o *websocket.DialOptions, kind websocket.MessageType, text string) {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	conn, _, err := websocket.Dial(ctx, "ws://"+s.http+path, o)
	if err != nil {
		s.t.Errorf("dial %s: %v", path, err)
		return
	}
	conn.SetReadLimit(-1)
	_ = conn.Write(ctx, kind, []byte(text)) // it may be closed on the way
	ctx, enough := context.WithTimeout(ctx, 50*time.Millisecond)
	defer enough()
	for err == nil {
		_, _, err = conn.Read(ctx)
	}
	_ = conn.CloseNow() // it is closed already
}

func (s *server) brokenCalls() int {
	n := 0
	for _, path := range []string{"/setup", "/session", "/things/far/commands", "/users", "/tokens", "/simulated"} {
		for _, body := range brokenJSON {
			req, err := http.NewRequestWithContext(s.t.Context(), "POST", "http://"+s.http+"/api/v2"+path, strings.NewReader(body))
			if err != nil {
				s.t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+s.token)
			req.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				s.t.Fatalf("POST %s %.40s: %v", path, body, err)
			}
			text, _ := io.ReadAll(res.Body) // the status tells
			res.Body.Close()
			if res.StatusCode < 400 || res.StatusCode >= 500 {
				s.t.Errorf("POST %s %.40q is answered %s: %.200s", path, body, res.Status, text)
			}
			n++
		}
	}
	for _, path := range []string{
		"/things/%00", "/things/..%2f..", "/things/" + strings.Repeat("x", 5000), "/things/far/readings?resource=x&from=a",
		"/things/far/readings?resource=x&points=-1", "/things/far/readings?resource=x&from=9223372036854775807&to=-9223372036854775808",
		"/things/far/commands?limit=99999999999999999999", "/commands/nothing", "/things?online=maybe",
	} {
		status, text, err := s.ask("GET", path, nil)
		if err != nil || status >= 500 {
			s.t.Errorf("GET %.60s is answered %d %v %.200s", path, status, err, text)
		}
		n++
	}
	return n
}
