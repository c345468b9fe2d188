// Command roost is the whole of Roost: the server and the tools around it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands is what can stand after "roost". A file each.
type commands struct {
	Serve      serveCmd      `cmd:"" help:"Run Roost for real devices."`
	Demo       demoCmd       `cmd:"" help:"Run Roost on this machine with a small fleet of simulated things."`
	Sim        simCmd        `cmd:"" help:"Play things over a real protocol."`
	Thing      thingCmd      `cmd:"" help:"List, show, approve and set things of a running Roost, talk to their apps."`
	App        appCmd        `cmd:"" help:"Apps: the Python files that run on things."`
	Runtime    runtimeCmd    `cmd:"" help:"Versions of Roost's own runtime, to which things can be moved."`
	Install    installCmd    `cmd:"" help:"Put files, PythingsOS and settings onto a board at a USB port."`
	User       userCmd       `cmd:"" help:"People who may sign in."`
	Token      tokenCmd      `cmd:"" help:"API tokens."`
	Keys       keysCmd       `cmd:"" help:"Keys of far gateways."`
	Credential credentialCmd `cmd:"" help:"Passwords of things at the MQTT doors."`
	Gateway    gatewayCmd    `cmd:"" help:"Run doors for devices in another network, for a hub elsewhere."`
	Dashboard  dashboardCmd  `cmd:"" help:"Show and control the things of a broker elsewhere, Roost's or any that speaks as Pyaiot's."`
	Bench      benchCmd      `cmd:"" help:"Measure Roost, or any Pyaiot-compatible broker, over the wire."`
	Version    versionCmd    `cmd:"" help:"Print the version."`

	AiotBroker       aiotCmd `cmd:"" name:"aiot-broker" passthrough:"" group:"pyaiot" help:"The broker."`
	AiotCoAPGateway  aiotCmd `cmd:"" name:"aiot-coap-gateway" passthrough:"" group:"pyaiot" help:"The gateway for CoAP nodes."`
	AiotMQTTGateway  aiotCmd `cmd:"" name:"aiot-mqtt-gateway" passthrough:"" group:"pyaiot" help:"The gateway for MQTT nodes."`
	AiotWSGateway    aiotCmd `cmd:"" name:"aiot-ws-gateway" passthrough:"" group:"pyaiot" help:"The gateway for WebSocket nodes."`
	AiotDashboard    aiotCmd `cmd:"" name:"aiot-dashboard" passthrough:"" group:"pyaiot" help:"The page."`
	AiotGenerateKeys aiotCmd `cmd:"" name:"aiot-generate-keys" passthrough:"" group:"pyaiot" help:"Make new keys, over those that are there."`
}

// console is where a command reads and writes; tests give their own.
type console struct {
	out, err io.Writer
	in       io.Reader
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	defer stop()
	os.Exit(run(ctx, calledAs(os.Args), console{out: os.Stdout, err: os.Stderr, in: os.Stdin}))
}

// run is main without the process: it gives the exit status.
func run(ctx context.Context, args []string, c console) (status int) {
	var cmds commands
	exited := -1
	file := &configFile{args: args}
	parser, err := kong.New(&cmds,
		kong.Name("roost"),
		kong.Description("One program that is a home for connected devices."),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
		kong.Writers(c.out, c.err),
		kong.Exit(func(code int) { exited = code; panic(exit{}) }),
		kong.DefaultEnvars("ROOST"),
		kong.ExplicitGroups(groups),
		kong.Resolvers(file),
		kong.Bind(file),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(c),
	)
	if err != nil {
		fmt.Fprintln(c.err, "roost:", err)
		return 1
	}
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(exit); !ok {
				panic(p)
			}
			status = exited
		}
	}()
	parsed, err := parser.Parse(args)
	if err == nil {
		err = parsed.Run()
	}
	return report(err, c)
}

// exit unwinds run when kong wants the process to end (after --help).
type exit struct{}

// report prints every fault on a line of its own and gives the exit status.
func report(err error, c console) int {
	if err == nil {
		return 0
	}
	if status, told := errors.AsType[ended](err); told {
		return int(status)
	}
	for _, e := range faults(err) {
		fmt.Fprintln(c.err, "roost:", e)
	}
	if wrong, ok := errors.AsType[*kong.ParseError](err); ok {
		fmt.Fprintf(c.err, "roost: see %s --help\n", called(wrong.Context))
		return 2
	}
	return 1
}

// called is the command that a faulty line has come to.
func called(at *kong.Context) string {
	name := "roost"
	for _, p := range at.Path {
		if p.Command != nil {
			name = p.Command.FullPath()
		}
	}
	return name
}

// faults takes errors.Join apart.
func faults(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range many.Unwrap() {
			all = append(all, faults(e)...)
		}
		return all
	}
	return []error{err}
}
