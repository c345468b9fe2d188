package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/roost-iot/roost/bench"
	"github.com/roost-iot/roost/wire/pyaiot"
)

type benchCmd struct {
	Scenario string `arg:"" help:"suite (all, on a fresh Roost and its peers), mqtt (a fresh Roost and mosquitto, in turn) or one scenario; a wrong name lists them."`

	Target string `help:"HOST:PORT of /ws, /gw and /api." default:"127.0.0.1:8080" env:"-"`
	Nodes  string `help:"HOST:PORT of /node, if it is another." placeholder:"ADDR" env:"-"`
	CoAP   string `name:"coap" help:"HOST:PORT of CoAP." default:"127.0.0.1:5683" env:"-"`

	MQTT     string `name:"mqtt" help:"HOST:PORT of any MQTT broker." default:"127.0.0.1:1883" env:"-"`
	MQTTSN   string `name:"mqttsn" help:"HOST:PORT of any MQTT-SN gateway." default:"127.0.0.1:1885" env:"-"`
	User     string `help:"User name at the MQTT broker." env:"-"`
	Password string `help:"Password at the MQTT broker." env:"-"`
	Payload  int    `help:"Bytes of an MQTT message." default:"128" env:"-"`
	Rounds   int    `help:"mqtt: how often each scenario is run with each broker; 3, in the suite once." env:"-"`

	KeyFile string `help:"Key file shared with the broker." default:"~/.pyaiot/keys"`
	Token   string `help:"API token, for stream."`
	PID     int    `name:"pid" help:"Process id of the server, to read its CPU time and memory." env:"-"`
	Binary  string `help:"The roost that suite and idle start; this one by default." type:"path" env:"-"`

	Duration time.Duration `help:"How long to count." default:"3s" env:"-"`
	Gateways int           `help:"Far gateways." env:"-"`
	Things   int           `help:"Things of each." env:"-"`
	Clients  int           `help:"Pages." env:"-"`
	InFlight int           `help:"Messages under way." env:"-"`
	Rate     int           `help:"Updates a second, whether or not the server keeps up; mqttsn: wakings a second." env:"-"`
	Method   string        `help:"coap-post: POST or PUT." default:"POST" env:"-"`
	Path     string        `help:"coap-post: where to." env:"-"`
	Bare     bool          `help:"coap-post: the server is no gateway, just a CoAP server." env:"-"`

	Anywhere bool `help:"Load a server on another machine." env:"-"`
	JSON     bool `help:"Print JSON." env:"-"`
}

// Run measures one scenario or all and prints a table or JSON.
func (b benchCmd) Run(ctx context.Context, con console) error {
	cfg, err := b.config()
	if err != nil {
		return err
	}
	results, err := b.measure(ctx, cfg, con)
	if len(results) == 0 {
		return err
	}
	if b.JSON {
		return errors.Join(printJSON(con.out, results), err)
	}
	return errors.Join(bench.Table(con.out, results), err)
}

// measure runs the suite or one scenario.
func (b benchCmd) measure(ctx context.Context, cfg bench.Config, con console) ([]bench.Result, error) {
	tell := func(r bench.Result) { fmt.Fprintln(con.err, "measured", r.Scenario, r.Server) }
	switch b.Scenario {
	case "suite":
		return bench.Suite(ctx, cfg, tell)
	case "mqtt":
		return bench.MQTTSuite(ctx, cfg, tell)
	}
	var names []string
	for _, s := range bench.Scenarios() {
		if s.Name == b.Scenario {
			r, err := s.Run(ctx, cfg)
			return []bench.Result{r}, err
		}
		names = append(names, s.Name)
	}
	return nil, fmt.Errorf("no scenario %q; there are suite, mqtt, %s", b.Scenario, strings.Join(names, ", "))
}

func (b benchCmd) config() (bench.Config, error) {
	cfg := bench.Config{
		HTTP: b.Target, Nodes: b.Nodes, CoAP: b.CoAP, Token: b.Token, PID: b.PID, Binary: b.Binary,
		MQTT: b.MQTT, MQTTSN: b.MQTTSN, User: b.User, Password: b.Password, Payload: b.Payload, Rounds: b.Rounds,
		Anywhere: b.Anywhere, Duration: b.Duration, Gateways: b.Gateways, Things: b.Things,
		Clients: b.Clients, InFlight: b.InFlight, Rate: b.Rate, Method: b.Method, Path: b.Path, Bare: b.Bare,
	}
	var err error
	if cfg.Binary == "" {
		if cfg.Binary, err = os.Executable(); err != nil {
			return cfg, fmt.Errorf("--binary: %w", err)
		}
	}
	if b.Scenario == "fanout" || b.Scenario == "stream" {
		if cfg.Keys, err = pyaiot.LoadKeys(b.KeyFile); err != nil {
			return cfg, fmt.Errorf("--key-file: %w", err)
		}
	}
	return cfg, nil
}
