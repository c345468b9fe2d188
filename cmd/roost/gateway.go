package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/mqtt"
	"github.com/roost-iot/roost/gateway/pyaiot"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// What may be at the other end of a far gateway's line.
const (
	hubAuto   = "auto"
	hubRoost  = "roost"
	hubPyaiot = "pyaiot"
)

// gatewayCmd is what roost gateway can be told. All are text, so that every fault can
// be told at once.
type gatewayCmd struct {
	Hub        string `help:"Where the hub is: ws://HOST:PORT or wss://HOST, Roost or a Pyaiot broker. Without it, $BROKER_HOST and $BROKER_PORT." placeholder:"URL" group:"line"`
	HubKind    string `help:"roost, pyaiot, or auto: ask it." default:"auto" group:"line"`
	KeyFile    string `help:"Key file shared with the hub; see roost keys generate." default:"~/.pyaiot/keys" group:"line"`
	PyaiotAuth string `help:"How a Pyaiot broker wants the token: head (as a subprotocol), or v0.2 (as the first message)." default:"head" group:"line"`
	Name       string `help:"Name of this gateway; the machine's if not given." group:"line"`

	Doors        string `help:"Which doors are open: coap, mqtt, mqttsn, ws." default:"coap,mqtt,mqttsn,ws" group:"doors"`
	CoAP         string `name:"coap" help:"CoAP over UDP." default:":5683" group:"doors"`
	CoAPNodePort string `name:"coap-node-port" help:"Where CoAP nodes serve their resources." default:"5683" group:"doors"`
	HTTP         string `name:"http" help:"WebSocket nodes (/node), and MQTT over WebSocket (/mqtt)." default:":8001" group:"doors"`
	MQTT         string `name:"mqtt" help:"MQTT 3.1.1 and 5 over TCP. Default :1883, and off with --mqtt-broker." placeholder:"ADDR" group:"doors"`
	MQTTBroker   string `name:"mqtt-broker" help:"Another MQTT broker whose nodes come in here: tcp://HOST:1883 or mqtts://USER:PASSWORD@HOST." placeholder:"URL" group:"doors"`
	MQTTSN       string `name:"mqttsn" help:"MQTT-SN over UDP." default:":1885" group:"doors"`
	MQTTSNTopics string `name:"mqttsn-topics" help:"Predefined topics of MQTT-SN: a line each, with the id and the topic." placeholder:"FILE" group:"doors"`
	Anonymous    string `name:"mqtt-anonymous" help:"MQTT clients: things (each its own topics), any (everything, as with Pyaiot) or off." default:"things" group:"doors"`
	Presence     string `help:"A thing that is silent for longer is gone." default:"120s" group:"doors"`

	Data       string `help:"Folder of what is kept for a Roost hub while the line is down." default:"roost-gateway" group:"keeping"`
	SpoolSize  string `help:"How much is kept at most: 256MB, 2GB." default:"256MB" group:"keeping"`
	SpoolAge   string `help:"How long it is kept at most." default:"168h" group:"keeping"`
	Durability string `help:"When a reading counts as taken: batch (at once) or commit (on disk)." default:"batch" group:"keeping"`
	LogLevel   string `help:"debug, info, warn or error." default:"info" group:"running"`
}

// gatewaySettings is what check makes of the flags.
type gatewaySettings struct {
	gatewayCmd
	doors     []string
	keys      wire.Keys
	presence  time.Duration
	spoolAge  time.Duration
	spoolSize int64
	nodePort  uint16
	level     slog.Level
}

func (s *gatewaySettings) has(door string) bool { return slices.Contains(s.doors, door) }

// gatewayDoors are those that a far gateway may have.
var gatewayDoors = []string{"coap", "mqtt", "mqttsn", "ws"}

// check reads every flag and tells of every fault.
func (g gatewayCmd) check() (*gatewaySettings, error) {
	g.Hub = cmp.Or(g.Hub, brokerOfEnv())
	set := &gatewaySettings{gatewayCmd: g}
	if set.MQTT == "" {
		set.MQTT = ":1883"
		if g.MQTTBroker != "" {
			set.MQTT = off
		}
	}
	var keyFault error
	if set.keys, keyFault = wire.LoadKeys(g.KeyFile); keyFault != nil {
		keyFault = fmt.Errorf("--key-file: %w", keyFault)
	}
	err := errors.Join(
		checkHub(g.Hub),
		checkChoice("hub-kind", g.HubKind, hubAuto, hubRoost, hubPyaiot),
		checkChoice("pyaiot-auth", g.PyaiotAuth, pyaiot.AuthHead, pyaiot.AuthLegacy),
		keyFault,
		checkDoors(g.Doors, &set.doors),
		checkAddress("coap", g.CoAP),
		checkPort("coap-node-port", g.CoAPNodePort, &set.nodePort),
		checkAddress("http", g.HTTP),
		checkAddress("mqtt", set.MQTT),
		checkBroker("mqtt-broker", g.MQTTBroker),
		checkAddress("mqttsn", g.MQTTSN),
		checkChoice("mqtt-anonymous", g.Anonymous, mqtt.AnonymousThings, mqtt.AnonymousAny, mqtt.AnonymousOff),
		checkDuration("presence", g.Presence, time.Second, 24*time.Hour),
		checkDuration("spool-age", g.SpoolAge, time.Minute, 10*365*24*time.Hour),
		checkSize("spool-size", g.SpoolSize, &set.spoolSize),
		checkChoice("durability", g.Durability, "batch", "commit"),
		checkLevel(g.LogLevel, &set.level),
	)
	if g.Data == "" {
		err = errors.Join(err, errors.New("--data: name a folder"))
	}
	if err != nil {
		return nil, err
	}
	set.presence, _ = time.ParseDuration(g.Presence)
	set.spoolAge, _ = time.ParseDuration(g.SpoolAge)
	if set.Name = string(roost.CleanThingID(g.Name)); set.Name == "" {
		host, _ := os.Hostname()
		set.Name = string(roost.CleanThingID(host))
	}
	return set, nil
}

// checkHub wants the address of a WebSocket.
func checkHub(value string) error {
	if value == "" {
		return errors.New("--hub: say where the hub is, as ws://hub.example.org:8080")
	}
	at, err := gateway.LineURL(value, "/")
	if err == nil {
		u, _ := url.Parse(at)
		if port := u.Port(); port != "" {
			if n, bad := strconv.Atoi(port); bad != nil || n < 1 || n > 65535 {
				err = fmt.Errorf("%q is no port", port)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("--hub: %w; write it as ws://hub.example.org:8080", err)
	}
	return nil
}

// checkDoors reads which doors are to be open.
func checkDoors(value string, doors *[]string) error {
	for d := range strings.SplitSeq(value, ",") {
		d = strings.TrimSpace(d)
		if !slices.Contains(gatewayDoors, d) {
			return fmt.Errorf("--doors: %q is none of %s", d, strings.Join(gatewayDoors, ", "))
		}
		if !slices.Contains(*doors, d) {
			*doors = append(*doors, d)
		}
	}
	return nil
}

// checkSize reads an amount of bytes: 1048576, 256MB, 2GB.
func checkSize(flag, value string, size *int64) error {
	digits, unit := strings.ToUpper(strings.TrimSpace(value)), int64(1)
	for suffix, n := range map[string]int64{"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30} {
		if number, ok := strings.CutSuffix(digits, suffix); ok {
			digits, unit = strings.TrimSpace(number), n
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n*unit < 1<<20 {
		return fmt.Errorf("--%s: %q is no size of at least 1MB; write it as 256MB or 2GB", flag, value)
	}
	*size = n * unit
	return nil
}

// Run serves doors until the process is told to stop.
func (g gatewayCmd) Run(ctx context.Context, con console) error {
	set, err := g.check()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(con.err, &slog.HandlerOptions{Level: set.level}))
	return set.run(ctx, con, log)
}
