package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/roost-iot/roost/wire/pyaiot"
)

// aiotCmd stands for one of Pyaiot's programs: unit files and scripts that call one
// of them work with a link of that name to roost. Its options are Pyaiot's.
type aiotCmd struct {
	Args []string `arg:"" optional:"" help:"Its options, --name=value; see --help."`
}

// aiotTool is one of Pyaiot's programs, told in terms of Roost's own.
type aiotTool struct {
	name    string
	summary string
	options []aiotOption
	renamed map[string]string // names of version 0.2
	// command gives the command line of roost that does the same.
	command func(aiotValues) ([]string, error)
}

func tool(name, summary string, command func(aiotValues) ([]string, error), own ...aiotOption) aiotTool {
	return aiotTool{name: name, summary: summary, options: slices.Concat(everyOption, own, logOptions), command: command}
}

// aiotTools are all of Pyaiot's programs but the one that makes keys.
var aiotTools = []aiotTool{
	{
		name: "aiot-broker", summary: "The broker between gateways (/gw) and pages (/ws).", command: asBroker,
		options: slices.Concat(everyOption, logOptions), renamed: map[string]string{"port": "broker-port"},
	},
	tool("aiot-coap-gateway", "The gateway for CoAP nodes.", asCoAPGateway,
		aiotOption{"coap-port", numberOption, "5683", nil, "port for nodes"},
		aiotOption{"interface", textOption, "", nil, "taken and not needed: nodes are answered where they ask from"}, maxTime),
	tool("aiot-mqtt-gateway", "The gateway for the nodes of an MQTT broker.", asMQTTGateway,
		aiotOption{"mqtt-host", textOption, "localhost", nil, "where the MQTT broker is"},
		aiotOption{"mqtt-port", numberOption, "1886", nil, "its port"}, maxTime),
	tool("aiot-ws-gateway", "The gateway for WebSocket nodes.", asWSGateway,
		aiotOption{"gateway-port", numberOption, "8001", []string{"GATEWAY_PORT"}, "port for nodes"}),
	{
		name: "aiot-dashboard", summary: "The page that shows a broker's nodes.", command: asDashboard,
		renamed: map[string]string{"port": "web-port"},
		options: slices.Concat(everyOption, []aiotOption{
			{"web-port", numberOption, "8080", []string{"WEB_PORT", "HTTP_PORT", "DASHBOARD_PORT"}, "port of the page"},
			{"static-path", textOption, "", []string{"STATIC_PATH"}, "taken and not needed: the page is built in"},
			{"broker-ssl", flagOption, "", []string{"BROKER_SSL"}, "the broker speaks TLS"},
			{"camera-url", textOption, "", []string{"CAMERA_URL"}, "a picture or an MJPEG stream"},
			{"title", textOption, "IoT Dashboard", []string{"APP_TITLE", "DASHBOARD_TITLE"}, "of the page"},
			{"logo", textOption, "", []string{"APP_LOGO", "DASHBOARD_LOGO"}, "address or file of a picture"},
			{"favicon", textOption, "", []string{"APP_FAVICON", "DASHBOARD_FAVICON"}, "address or file of a picture"},
			{"map-api-key", textOption, "", []string{"MAP_API_KEY"}, "taken and not needed: the map is another"},
		}, logOptions),
	},
}

// keyMaker is Pyaiot's program that makes keys.
const keyMaker = "aiot-generate-keys"

// calledAs gives the arguments of a process that was called by a name: that of one
// of Pyaiot's programs is a command of roost.
func calledAs(argv []string) []string {
	if len(argv) == 0 {
		return nil
	}
	name := strings.TrimSuffix(filepath.Base(argv[0]), ".exe")
	if strings.HasPrefix(name, "aiot-") {
		return append([]string{name}, argv[1:]...)
	}
	return argv[1:]
}

// Run does what the program of that name does.
func (a aiotCmd) Run(ctx context.Context, con console, parsed *kong.Context) error {
	name := parsed.Selected().Name
	if name == keyMaker {
		return makeAiotKeys(con.out, a.Args)
	}
	t := aiotTools[slices.IndexFunc(aiotTools, func(t aiotTool) bool { return t.name == name })]
	v, err := t.read(a.Args)
	if errors.Is(err, errHelp) {
		t.usage(con.out)
		return nil
	}
	if err != nil {
		return err
	}
	args, err := t.command(v)
	if err != nil {
		return err
	}
	con, closeLog, err := v.console(con)
	if err != nil {
		return err
	}
	defer closeLog()
	if status := run(ctx, append(args, "--log-level", v.level()), con); status != 0 {
		return ended(status)
	}
	return nil
}

// ended is the exit status of a command that has told its faults already.
type ended int

func (e ended) Error() string { return fmt.Sprintf("ended with status %d", int(e)) }

// level is what these programs log.
func (v aiotValues) level() string {
	switch {
	case v.flag("debug"), v["logging"] == "debug":
		return "debug"
	case v["logging"] == "warning":
		return "warn"
	case v["logging"] == "error", v["logging"] == "none":
		return "error"
	}
	return "info"
}

// console gives where the log goes.
func (v aiotValues) console(con console) (_ console, done func(), err error) {
	switch path := v["log-file-prefix"]; {
	case v["logging"] == "none":
		con.err = io.Discard
	case path != "":
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
		if err != nil {
			return con, nil, fmt.Errorf("--log-file-prefix: %w", err)
		}
		con.err = f
		return con, func() { _ = f.Close() }, nil
	}
	return con, func() {}, nil
}

// hub is the address of the broker for gateways.
func (v aiotValues) hub() string {
	return "ws://" + net.JoinHostPort(v["broker-host"], v["broker-port"])
}

// asBroker serves /gw and /ws to whom Pyaiot's broker serves them, and our pages to
// whoever signs in. What it keeps stands beside Pyaiot's keys, apart for each port.
func asBroker(v aiotValues) ([]string, error) {
	if _, err := pyaiot.LoadKeys(v["key-file"]); err != nil {
		return nil, fmt.Errorf("--key-file: %w; %s makes one", err, keyMaker)
	}
	data, err := keepIn("roost-" + v["broker-port"])
	if err != nil {
		return nil, err
	}
	return []string{
		"serve", "--data", data, "--http", ":" + v["broker-port"], "--coap", off, "--mqtt", off, "--mqttsn", off,
		"--enrol", "open", "--pyaiot-clients", "open", "--pyaiot-auth", "any", "--key-file", v["key-file"],
	}, nil
}

// keepIn gives the folder of what a program keeps: as it was told, that of its
// systemd unit, or one of this name beside Pyaiot's keys.
func keepIn(name string) (string, error) {
	told, _, _ := strings.Cut(firstEnv("STATE_DIRECTORY"), ":")
	if data := cmp.Or(firstEnv("ROOST_DATA"), told); data != "" {
		return data, nil
	}
	return pyaiot.ExpandPath("~/.pyaiot/" + name)
}

func asCoAPGateway(v aiotValues) ([]string, error) {
	return v.gateway("coap", v["coap-port"], "--coap", ":"+v["coap-port"], "--http", off, "--presence", v["max-time"]+"s")
}

func asMQTTGateway(v aiotValues) ([]string, error) {
	outside := "tcp://" + net.JoinHostPort(v["mqtt-host"], v["mqtt-port"])
	return v.gateway("mqtt", v["mqtt-port"], "--mqtt-broker", outside, "--http", off, "--presence", v["max-time"]+"s")
}

func asWSGateway(v aiotValues) ([]string, error) {
	return v.gateway("ws", v["gateway-port"], "--http", ":"+v["gateway-port"])
}

// gateway is roost gateway with one door. There may be several on a machine.
func (v aiotValues) gateway(door, port string, flags ...string) ([]string, error) {
	data, err := keepIn("roost-" + door + "-gateway-" + port)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "gateway"
	}
	return append([]string{
		"gateway", "--doors", door, "--hub", v.hub(), "--key-file", v["key-file"], "--data", data, "--name", host + "-" + door,
	}, flags...), nil
}

// asDashboard shows a broker's things to everybody, as Pyaiot's page does.
func asDashboard(v aiotValues) ([]string, error) {
	port, ssl := v["broker-port"], v.flag("broker-ssl")
	switch { // without a port it is the scheme's
	case port == "" && ssl:
		port = "443"
	case port == "":
		port = "80"
	}
	args := []string{
		"dashboard", "--public", "--http", ":" + v["web-port"],
		"--broker-host", v["broker-host"], "--broker-port", port, "--title", v["title"],
	}
	if ssl {
		args = append(args, "--broker-ssl")
	}
	for _, name := range []string{"camera-url", "logo", "favicon"} {
		if value := v[name]; value != "" && value != "None" {
			args = append(args, "--"+name, value)
		}
	}
	return args, nil
}

// makeAiotKeys writes the default key file and prints both keys. As Pyaiot's program
// it asks nobody when there is one; that one is kept beside it.
func makeAiotKeys(out io.Writer, args []string) error {
	if slices.Equal(args, []string{"--help"}) {
		_, err := fmt.Fprintf(out, "Usage: %s\n\nWrites new keys to ~/.pyaiot/keys; those that were there go to ~/.pyaiot/keys.old.\n", keyMaker)
		return err
	}
	if len(args) > 0 {
		return fmt.Errorf("%s takes no options; roost keys generate does", keyMaker)
	}
	path, err := pyaiot.ExpandPath("~/.pyaiot/keys")
	if err != nil {
		return err
	}
	if err := os.Rename(path, path+".old"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keep the keys that are there: %w", err)
	}
	keys := pyaiot.GenerateKeys()
	if err := keys.Save(path, true); err != nil {
		return err
	}
	return printKeys(out, path, keys)
}
