package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/roost-iot/roost/gateway/board"
	"github.com/roost-iot/roost/gateway/mqtt"
	"github.com/roost-iot/roost/gateway/pyaiot"
	"github.com/roost-iot/roost/registry"
)

// off as an address means that a door stays shut.
const off = "off"

// serveCmd is what roost serve can be told. All are text, so that every fault can
// be told at once; check makes settings of them.
type serveCmd struct {
	Config        string `help:"Configuration file; its keys are these flags. Without it, roost.toml of the working folder if there is one." placeholder:"FILE" group:"running"`
	Data          string `help:"Folder of everything that is kept; made if missing." default:"roost-data" group:"keeping"`
	Durability    string `help:"When a reading counts as taken: batch (within 50 ms) or commit (on disk)." default:"batch" group:"keeping"`
	HTTP          string `name:"http" help:"Pages, API, WebSocket nodes (/node), far gateways (/gw) and Pyaiot pages (/ws); several addresses with commas." default:":8080" group:"doors"`
	CoAP          string `name:"coap" help:"CoAP over UDP." default:":5683" group:"doors"`
	CoAPNodePort  string `name:"coap-node-port" help:"Where CoAP nodes serve their resources." default:"5683" group:"doors"`
	MQTT          string `name:"mqtt" help:"MQTT 3.1.1 and 5 over TCP; over WebSocket it is at /mqtt of --http." default:":1883" group:"doors"`
	MQTTBroker    string `name:"mqtt-broker" help:"Another MQTT broker whose nodes are things here, too: tcp://HOST:1883 or mqtts://USER:PASSWORD@HOST." placeholder:"URL" group:"doors"`
	MQTTSN        string `name:"mqttsn" help:"MQTT-SN over UDP." default:":1885" group:"doors"`
	MQTTSNTopics  string `name:"mqttsn-topics" help:"Predefined topics of MQTT-SN: a line each, with the id and the topic." placeholder:"FILE" group:"doors"`
	MQTTSNGroup   string `name:"mqttsn-group" help:"Multicast group in which MQTT-SN nodes look for a gateway: [ff02::1%wlan0]:1885." placeholder:"ADDR" group:"doors"`
	OTADir        string `name:"ota-dir" help:"Folder of boards' files: boot/KIND/ and heartbeat/ID/; ota in --data if not given." placeholder:"FOLDER" group:"keeping"`
	TLSCert       string `name:"tls-cert" help:"Certificate (PEM) of the ports of HTTP and MQTT, which take TLS as well as plain; without it those of HTTP have one of Roost's own." placeholder:"FILE" group:"doors"`
	TLSKey        string `name:"tls-key" help:"The certificate's private key (PEM)." placeholder:"FILE" group:"doors"`
	TLSLegacy     string `name:"tls-legacy" help:"on: the ports of HTTP take TLS 1.0 and RSA key exchange as well, which ESP8266 boards of PythingsOS need; weak." default:"off" group:"doors"`
	Enrol         string `help:"Unknown things: approve (they wait for a person), open (all come in) or closed." default:"approve" group:"people"`
	AskBoards     string `help:"Boards whose own HTTP server Roost may ask, to make them blink and for their logs: private (those that came from a private address), any or off." default:"private" group:"people"`
	PyaiotClients string `help:"Who may open /ws: token (people and tokens of Roost), open (anybody, as with Pyaiot) or off." default:"token" group:"people"`
	PyaiotAuth    string `help:"How far gateways show their token: head (as a subprotocol), or any (as Pyaiot 0.2 does it, too)." default:"head" group:"people"`
	MQTTAnonymous string `name:"mqtt-anonymous" help:"MQTT clients without a password: things (each its own topics), any (everything, as with Pyaiot) or off." default:"things" group:"people"`
	KeyFile       string `help:"Key file shared with far gateways; see roost keys generate." default:"~/.pyaiot/keys" group:"people"`
	Presence      string `help:"A thing that is silent for longer is offline." default:"120s" group:"people"`
	PublicURL     string `name:"public-url" help:"Where people reach this server, if a proxy stands in front." placeholder:"URL" group:"running"`
	MapTiles      string `name:"map-tiles" help:"Pictures of the map, {z}/{x}/{y} in the address; off: a map without background." default:"https://tile.openstreetmap.org/{z}/{x}/{y}.png" placeholder:"URL" group:"running"`
	LogLevel      string `help:"debug, info, warn or error." default:"info" group:"running"`
	DebugAddr     string `help:"Go's profiles (pprof) at this address." placeholder:"ADDR" group:"running"`
}

// settings is what check makes of the flags.
type settings struct {
	serveCmd
	presence time.Duration
	nodePort uint16
	level    slog.Level
	httpAt   []string
}

// check reads every flag and tells of every fault.
func (s serveCmd) check() (settings, error) {
	set := settings{serveCmd: s}
	err := errors.Join(
		checkAddresses("http", s.HTTP),
		checkAddress("coap", s.CoAP),
		checkPort("coap-node-port", s.CoAPNodePort, &set.nodePort),
		checkAddress("mqtt", s.MQTT),
		checkBroker("mqtt-broker", s.MQTTBroker),
		checkAddress("mqttsn", s.MQTTSN),
		checkChoice("mqtt-anonymous", s.MQTTAnonymous, mqtt.AnonymousThings, mqtt.AnonymousAny, mqtt.AnonymousOff),
		checkChoice("enrol", s.Enrol, registry.EnrolApprove, registry.EnrolOpen, registry.EnrolClosed),
		checkChoice("pyaiot-clients", s.PyaiotClients, pyaiot.ClientsToken, pyaiot.ClientsOpen, pyaiot.ClientsOff),
		checkChoice("pyaiot-auth", s.PyaiotAuth, "head", "any"),
		checkChoice("ask-boards", cmp.Or(s.AskBoards, board.AskPrivate), board.AskPrivate, board.AskAny, board.AskOff),
		checkChoice("tls-legacy", cmp.Or(s.TLSLegacy, off), "on", off),
		checkChoice("durability", s.Durability, "batch", "commit"),
		checkDuration("presence", s.Presence, time.Second, 24*time.Hour),
		checkURL("public-url", s.PublicURL),
		checkTiles("map-tiles", s.MapTiles),
		checkLevel(s.LogLevel, &set.level),
	)
	if s.HTTP == off {
		err = errors.Join(err, errors.New("--http: it cannot be off: pages and the command line need it; give it a loopback address instead"))
	}
	if s.Data == "" {
		err = errors.Join(err, errors.New("--data: name a folder"))
	}
	if err != nil {
		return settings{}, err
	}
	set.presence, _ = time.ParseDuration(s.Presence)
	for a := range strings.SplitSeq(s.HTTP, ",") {
		set.httpAt = append(set.httpAt, strings.TrimSpace(a))
	}
	return set, nil
}

func checkPort(flag, value string, port *uint16) error {
	if _, err := fmt.Sscanf(value, "%d", port); err != nil || *port == 0 || fmt.Sprint(*port) != value {
		return fmt.Errorf("--%s: %q is no port; it is a number from 1 to 65535", flag, value)
	}
	return nil
}

func checkURL(flag, value string) error {
	if value == "" {
		return nil
	}
	if u, err := url.Parse(value); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("--%s: %q is no address; write it as https://roost.example.org", flag, value)
	}
	return nil
}

// checkTiles wants the address of map pictures, with places for which.
func checkTiles(flag, value string) error {
	if value == off {
		return nil
	}
	for _, part := range []string{"{z}", "{x}", "{y}"} {
		if !strings.Contains(value, part) {
			return fmt.Errorf("--%s: %q has no %s; write it as https://tiles.example.org/{z}/{x}/{y}.png, or off", flag, value, part)
		}
	}
	return nil
}

// checkBroker wants the address of an MQTT broker.
func checkBroker(flag, value string) error {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || !slices.Contains([]string{"tcp", "mqtt", "mqtts", "ssl", "tls"}, u.Scheme) {
		return fmt.Errorf("--%s: %q is no address of a broker; write it as tcp://192.0.2.1:1883 or mqtts://user:password@broker.example.org", flag, value)
	}
	return nil
}

func checkLevel(value string, level *slog.Level) error {
	if err := level.UnmarshalText([]byte(value)); err != nil {
		return fmt.Errorf("--log-level: %q is none of debug, info, warn, error", value)
	}
	return nil
}

// Run serves until the process is told to stop.
func (s serveCmd) Run(ctx context.Context, con console, file *configFile, parsed *kong.Context) error {
	set, err := s.check()
	if err = errors.Join(file.faults(parsed.Selected().Flags), err); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(con.err, &slog.HandlerOptions{Level: set.level}))
	h, err := openHouse(ctx, set, log)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	return h.run(ctx, func(doors context.Context) error { return h.announce(doors, con.out) })
}
