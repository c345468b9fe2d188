package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/roost-iot/roost/sim"
)

type simCmd struct {
	CoAP     simCoAP     `cmd:"" name:"coap" help:"CoAP nodes, as Pyaiot's test node."`
	MQTT     simMQTT     `cmd:"" name:"mqtt" help:"MQTT things, as Pyaiot's test node, its MicroPython script, or our own way."`
	MQTTSN   simMQTTSN   `cmd:"" name:"mqttsn" help:"MQTT-SN nodes, as Pyaiot's RIOT firmware."`
	WS       simWS       `cmd:"" name:"ws" help:"WebSocket nodes, as Pyaiot's test client."`
	Pythings simPythings `cmd:"" name:"pythings" help:"PythingsOS devices of releases 1.x."`
	Board    simBoard    `cmd:"" name:"board" help:"Boards that ask for their files at each boot."`

	MicroPython simMicroPython `cmd:"" name:"micropython" help:"Virtual boards: Roost's own runtime, unchanged, on the real MicroPython."`
}

// played are the flags of every simulated thing.
type played struct {
	To         string        `help:"HOST:PORT of the gateway; --gateway-host and --gateway-port are the same in Pyaiot's way." placeholder:"ADDR" env:"-"`
	Host       string        `name:"gateway-host" help:"Host of the gateway." default:"localhost" env:"-"`
	Count      int           `help:"How many things." default:"1" env:"-"`
	UID        string        `name:"uid" help:"What their ids begin with." env:"-"`
	Interval   time.Duration `help:"Between values." default:"5s" env:"-"`
	Silent     bool          `help:"Say once that they are there, then only answer." env:"-"`
	Loss       float64       `help:"Share of messages that are lost, 0 to 1." default:"0" env:"-"`
	Seed       uint64        `help:"Of losses and noise." default:"1" env:"-"`
	LeaveAfter time.Duration `help:"Leave after this long; 0: stay." default:"0s" env:"-"`
	JoinSpread time.Duration `help:"Join spread over this time." default:"0s" env:"-"`

	Temperature bool   `env:"-"`
	Pressure    bool   `env:"-"`
	Humidity    bool   `env:"-"`
	Illuminance bool   `env:"-"`
	Led         bool   `env:"-"`
	Robot       bool   `env:"-"`
	Js          bool   `env:"-"`
	Version     bool   `env:"-"`
	Imu         bool   `env:"-"`
	Position    bool   `env:"-"`
	Text        bool   `env:"-"`
	RGB         bool   `name:"rgb" env:"-"`
	LCD         bool   `name:"lcd" env:"-"`
	Ribot       bool   `env:"-"`
	Servo       bool   `env:"-"`
	Eco2        bool   `name:"eco2" env:"-"`
	Tvoc        bool   `env:"-"`
	Battery     bool   `env:"-"`
	Status      bool   `env:"-"`
	Webcam      string `help:"Address of a picture that they say is their camera's." placeholder:"URL" env:"-"`
}

func (p played) config(port string, log *slog.Logger) sim.Config {
	to := withPort(cmp.Or(p.To, p.Host), port)
	return sim.Config{
		To: to, Count: p.Count, UID: p.UID, Resources: p.resources(), Interval: p.Interval, Loss: p.Loss,
		Silent: p.Silent, Webcam: p.Webcam, Seed: p.Seed, LeaveAfter: p.LeaveAfter, JoinSpread: p.JoinSpread, Log: log,
	}
}

// withPort adds the usual port to a host that has none; URLs have their own way.
func withPort(to, port string) string {
	if _, _, err := net.SplitHostPort(to); err == nil || strings.Contains(to, "://") {
		return to
	}
	return net.JoinHostPort(strings.Trim(to, "[]"), port)
}

// resources are those switched on.
func (p played) resources() []string {
	var on []string
	for _, r := range []struct {
		name string
		on   bool
	}{
		{"temperature", p.Temperature},
		{"pressure", p.Pressure},
		{"humidity", p.Humidity},
		{"illuminance", p.Illuminance},
		{"led", p.Led},
		{"robot", p.Robot},
		{"js", p.Js},
		{"version", p.Version},
		{"imu", p.Imu},
		{"position", p.Position},
		{"text", p.Text},
		{"rgb", p.RGB},
		{"lcd", p.LCD},
		{"ribot", p.Ribot},
		{"servo", p.Servo},
		{"eco2", p.Eco2},
		{"tvoc", p.Tvoc},
		{"battery", p.Battery},
		{"status", p.Status},
		{"webcam", p.Webcam != ""},
	} {
		if r.on {
			on = append(on, r.name)
		}
	}
	return on
}

// orUsual gives those, or what a thing has when nothing was switched on.
func orUsual(resources []string) []string {
	if len(resources) == 0 {
		return []string{"temperature", "led"}
	}
	return resources
}

type simCoAP struct {
	played
	Port     string  `name:"gateway-port" help:"Port of the gateway." default:"5683" env:"-"`
	Legacy   bool    `help:"Signs of life without an id, as old firmwares send them." env:"-"`
	Padding  bool    `help:"Fill values that are read with NUL bytes, as RIOT does." env:"-"`
	Reorder  float64 `help:"Share of datagrams that the next one overtakes, 0 to 1." default:"0" env:"-"`
	HostEach bool    `help:"An address of its own for each, 127.0.1.N, port 5683." env:"-"`
}

// Run plays until it is stopped or all have left.
func (s simCoAP) Run(ctx context.Context, con console) error {
	cfg := s.config(s.Port, slog.New(slog.NewTextHandler(con.err, nil)))
	cfg.Resources = orUsual(cfg.Resources)
	cfg.Legacy, cfg.Padding, cfg.Reorder, cfg.HostEach = s.Legacy, s.Padding, s.Reorder, s.HostEach
	return play(ctx, con, sim.CoAP(cfg), cfg)
}

type simWS struct {
	played
	Port string `name:"gateway-port" help:"Port of the gateway." default:"8080" env:"-"`
}

// Run plays until it is stopped or all have left.
func (s simWS) Run(ctx context.Context, con console) error {
	cfg := s.config(s.Port, slog.New(slog.NewTextHandler(con.err, nil)))
	cfg.Resources = orUsual(cfg.Resources)
	return play(ctx, con, sim.WS(cfg), cfg)
}

type simMQTT struct {
	played
	Port     string `name:"gateway-port" help:"Port of the MQTT broker." default:"1883" env:"-"`
	Style    string `help:"node (Pyaiot's test node), pycom (its MicroPython script) or native (our own topics)." default:"node" enum:"node,pycom,native" env:"-"`
	User     string `help:"User name at the broker." env:"-"`
	Password string `help:"Password at the broker." env:"-"`
}

// Run plays until it is stopped or all have left. One that is told nothing else is
// Pyaiot's test node.
func (s simMQTT) Run(ctx context.Context, con console) error {
	cfg := s.config(s.Port, slog.New(slog.NewTextHandler(con.err, nil)))
	if cfg.Count > 1 || cfg.UID != "" || s.Style == sim.StyleNative {
		cfg.Resources = orUsual(cfg.Resources)
	}
	cfg.Style, cfg.User, cfg.Password = s.Style, s.User, s.Password
	return play(ctx, con, sim.MQTT(cfg), cfg)
}

type simMQTTSN struct {
	played
	Port    string        `name:"gateway-port" help:"Port of the gateway." default:"1885" env:"-"`
	Sleep   time.Duration `help:"Sleep that long between wakings; 0: stay awake." default:"0s" env:"-"`
	Reorder float64       `help:"Share of datagrams that the next one overtakes, 0 to 1." default:"0" env:"-"`
}

// Run plays until it is stopped or all have left.
func (s simMQTTSN) Run(ctx context.Context, con console) error {
	cfg := s.config(s.Port, slog.New(slog.NewTextHandler(con.err, nil)))
	cfg.Resources = orUsual(cfg.Resources)
	cfg.Sleep, cfg.Reorder = s.Sleep, s.Reorder
	return play(ctx, con, sim.MQTTSN(cfg), cfg)
}

func play(ctx context.Context, con console, fleet *sim.Fleet, cfg sim.Config) error {
	if err := fleet.Fault(); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "Playing %s against %s. Ctrl-C ends it.\n", counted(cfg.Count, "thing"), cfg.To)
	err := fleet.Run(ctx)
	st := fleet.Stats()
	fmt.Fprintf(con.out, "sent %d values, answered %d reads, took %d sets; refused %d, lost %d\n", st.Sent, st.Asked, st.Sets, st.Refused, st.Lost)
	return err
}
