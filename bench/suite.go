package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"

	"github.com/roost-iot/roost/wire/coap"
)

// Scenario is one thing that can be measured.
type Scenario struct {
	Name string
	Help string
	Run  func(context.Context, Config) (Result, error)
}

// Scenarios lists what can be run on its own.
func Scenarios() []Scenario {
	return []Scenario{
		{"fanout", "values of gateways' things to many Pyaiot web clients", Fanout},
		{"ws-nodes", "values of WebSocket nodes to one page", WSNodes},
		{"coap-to-page", "values of CoAP nodes to one page", CoAPToPage},
		{"coap-post", "confirmable CoAP requests answered", CoAPPost},
		{"command", "a page's command to a CoAP node", Command},
		{"stream", "readings of one source to many live streams", Stream},
		{"mqtt-qos0", "MQTT messages of QoS 0, 10 publishers to 1 subscriber", MQTTQoS0},
		{"mqtt-qos1", "MQTT messages of QoS 1, 10 publishers to 1 subscriber", MQTTQoS1},
		{"mqtt-single", "MQTT messages of QoS 1 that come alone: what each costs", MQTTSingle},
		{"mqtt-fanout", "MQTT messages of QoS 0, 1 publisher to 200 subscribers", MQTTFanout},
		{"mqtt-idle", "MQTT connections that do nothing: memory, connects a second", MQTTIdle},
		{"readings", "readings of MQTT things, ten a message, taken and kept", MQTTReadings},
		{"mqttsn", "MQTT-SN clients asleep, waking in turn", MQTTSN},
		{"apps", "from a commit to new code that runs on 100 PythingsOS devices", Apps},
		{"boards", "syncs of 1,000 boards with Roost's own runtime, one a second each", Boards},
		{"ota", "from a commit to new code that runs on a virtual board with Roost's own runtime", OTA},
		{"idle", "start and memory of a roost that is started for it", Idle},
	}
}

// libcoap is the example server that CoAP is compared with.
const libcoap = "coap-server-notls"

// Suite starts Config.Binary afresh for each scenario, on free ports of this
// machine, and runs them all; next to ours, libcoap's example server, if it is
// installed, and mosquitto (MQTTSuite, one round unless c says more). tell hears of every result as it comes. What fails says so in its
// Result, and the others go on; the error is ctx's, or that of a binary that does
// not start at all.
func Suite(ctx context.Context, c Config, tell func(Result)) ([]Result, error) {
	var all []Result
	add := func(r Result, err error) {
		if err != nil {
			r.Error = err.Error()
		}
		all = append(all, r)
		if tell != nil {
			tell(r)
		}
	}
	r, err := Idle(ctx, c)
	r.Server = "roost"
	if err != nil && r.ServerMemory == nil && len(r.Bars) < 2 {
		return nil, err
	}
	add(r, err)
	peer, err := runLibcoap(ctx, c)
	if !errors.Is(err, exec.ErrNotFound) {
		add(peer, err)
	}
	for _, s := range Scenarios() {
		if s.Name == "idle" || strings.HasPrefix(s.Name, mqttScenarios) {
			continue
		}
		if ctx.Err() != nil {
			return all, ctx.Err()
		}
		r, err := s.fresh(ctx, c)
		r.bars(peer)
		add(r, err)
	}
	or(&c.Rounds, 1)
	_, err = MQTTSuite(ctx, c, func(r Result) { add(r, nil) })
	return all, err
}

// fresh runs the scenario against a roost of its own.
func (s Scenario) fresh(ctx context.Context, c Config) (Result, error) {
	server, err := startRoost(ctx, c)
	if err != nil {
		return Result{Scenario: s.Name, Server: "roost"}, err
	}
	defer server.close()
	r, err := s.Run(ctx, server.c)
	r.Scenario, r.Server = s.Name, "roost"
	return r, err
}

// bars holds a result against what it should be; peer is libcoap's, if it ran.
func (r *Result) bars(peer Result) {
	if r.Count == 0 {
		return
	}
	switch r.Scenario {
	case "fanout":
		r.atLeast("delivered to web clients", "/s", r.PerSecond, 1_000_000)
		r.atMost("p99", "ms", r.P99, 50)
	case "ws-nodes":
		r.atLeast("delivered to the page", "/s", r.PerSecond, 100_000)
	case "coap-to-page":
		r.atLeast("delivered to the page, and kept", "/s", r.PerSecond, 60_000)
	case "command":
		r.atMost("p50", "ms", r.P50, 0.5)
		r.atMost("p99", "ms", r.P99, 2)
	case "coap-post":
		if peer.PerSecond > 0 {
			r.atLeast("answered, times libcoap", "x", r.PerSecond/peer.PerSecond, 1.5)
		}
	case "readings":
		r.atLeast("readings taken through a door", "/s", r.PerSecond, 300_000)
	case "apps":
		r.atMost("commit to running, p95", "ms", r.More["p95 ms"], 3000)
	case "ota":
		r.atMost("commit to running, p95", "ms", r.More["p95 ms"], 2000)
	case "boards":
		r.atMost("lost", "readings", float64(r.Lost), 0)
	case "stream":
		r.atLeast("delivered to live streams", "/s", r.PerSecond, 1_500_000)
	}
}

// runLibcoap loads libcoap's example server with PUTs of a resource that it
// keeps. exec.ErrNotFound: it is not installed.
func runLibcoap(ctx context.Context, c Config) (Result, error) {
	r := Result{Scenario: "coap-post", Server: "libcoap"}
	binary, err := exec.LookPath(libcoap)
	if err != nil {
		return r, err
	}
	at, err := freePort("udp")
	if err != nil {
		return r, err
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return r, err
	}
	s, err := launch(ctx, binary, "-A", host, "-p", port)
	if err != nil {
		return r, err
	}
	defer s.close()
	if err := s.until(ctx, func(context.Context) bool { return answers(at) }); err != nil {
		return r, err
	}
	c.CoAP, c.PID, c.Bare, c.Method, c.Path = at, s.cmd.Process.Pid, true, "PUT", "/example_data"
	r, err = CoAPPost(ctx, c)
	r.Scenario, r.Server = "coap-post", "libcoap"
	if err != nil {
		err = fmt.Errorf("libcoap: %w", err)
	}
	return r, err
}

// answers tells that a CoAP server is there.
func answers(at string) bool {
	ends, err := coapEnds(at, 1)
	if err != nil {
		return false
	}
	defer closeEnds(ends)
	e := ends[0]
	e.prepare(coap.GET, "/")
	if _, err := e.conn.Write(e.request.Append(nil)); err != nil {
		return false
	}
	_ = e.conn.SetReadDeadline(time.Now().Add(resend / 4))
	_, err = e.conn.Read(e.in)
	return err == nil
}
