package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/coap"
	"github.com/roost-iot/roost/gateway/mqtt"
	"github.com/roost-iot/roost/gateway/mqttsn"
	"github.com/roost-iot/roost/gateway/pyaiot"
	"github.com/roost-iot/roost/gateway/relay"
	"github.com/roost-iot/roost/gateway/udp"
	"github.com/roost-iot/roost/gateway/ws"
	wire "github.com/roost-iot/roost/wire/mqtt"
)

// run opens the doors towards the hub that is there. When a hub that was taken for a
// Roost turns out to be a Pyaiot broker, they are opened anew towards that.
func (s *gatewaySettings) run(ctx context.Context, con console, log *slog.Logger) error {
	kind := s.HubKind
	if kind == hubAuto {
		kind = s.ask(ctx, log)
	}
	for {
		err := s.serve(ctx, kind, con, log)
		if !errors.Is(err, relay.ErrForeign) {
			return err
		}
		log.Info("the hub is no Roost; speaking to it as to a Pyaiot broker")
		kind = hubPyaiot
		s.remember(kind, log)
	}
}

// uplink is the way to the hub: a gateway.Core that keeps a line.
type uplink interface {
	gateway.Core
	Run(ctx context.Context) error
}

// outpost is one far gateway: doors, and the line to the hub.
type outpost struct {
	*gatewaySettings
	log  *slog.Logger
	line uplink
	kept *relay.Client // line, if the hub is a Roost

	coapConns   udp.Sockets
	web         net.Listener
	mqttAt      net.Listener
	mqttsnConns udp.Sockets

	coap   *coap.Door
	ws     *ws.Door
	mqtt   *mqtt.Door
	mqttsn *mqttsn.Door
	pages  *http.Server
}

// serve runs an outpost until ctx ends, a door fails, or the hub is none of that kind.
func (s *gatewaySettings) serve(ctx context.Context, kind string, con console, log *slog.Logger) error {
	o := &outpost{gatewaySettings: s, log: log}
	defer o.close()
	for _, step := range []func(context.Context) error{o.openSockets, func(context.Context) error { return o.openLine(kind) }, o.openDoors} {
		if err := step(ctx); err != nil {
			return unlessStopped(ctx, err)
		}
	}
	return o.run(ctx, con.out)
}

func (o *outpost) openLine(kind string) (err error) {
	if kind == hubPyaiot {
		o.line = pyaiot.NewUplink(pyaiot.UplinkConfig{
			Hub: o.Hub, Keys: o.keys, Auth: o.PyaiotAuth, Name: o.Name, Log: o.log, Doors: o.doors, Presence: o.presence,
		})
		return nil
	}
	o.kept, err = relay.OpenClient(relay.ClientConfig{
		Hub: o.Hub, Keys: o.keys, Dir: filepath.Join(o.Data, "spool"), Name: o.Name, Version: version, Doors: o.doors, Log: o.log,
		Presence: o.presence, MaxBytes: o.spoolSize, MaxAge: o.spoolAge, Commit: o.Durability == "commit", Probe: o.HubKind == hubAuto,
	})
	if err != nil {
		return fmt.Errorf("--data %s: %w", o.Data, err)
	}
	o.line = o.kept
	return nil
}

func (o *outpost) openSockets(ctx context.Context) error {
	var errs []error
	var lc net.ListenConfig
	if o.has("coap") && o.CoAP != off {
		conns, err := coap.Listen(o.CoAP)
		if err != nil {
			errs = append(errs, socketError("coap", o.CoAP, err))
		}
		o.coapConns = conns
	}
	if (o.has("ws") || o.has("mqtt")) && o.HTTP != off {
		l, err := lc.Listen(ctx, "tcp", o.HTTP)
		if err != nil {
			errs = append(errs, socketError("http", o.HTTP, err))
		}
		o.web = l
	}
	if o.has("mqtt") && o.MQTT != off {
		l, err := lc.Listen(ctx, "tcp", o.MQTT)
		if err != nil {
			errs = append(errs, socketError("mqtt", o.MQTT, err))
		}
		o.mqttAt = l
	}
	if o.has("mqttsn") && o.MQTTSN != off {
		conns, err := mqttsn.Listen(o.MQTTSN)
		if err != nil {
			errs = append(errs, socketError("mqttsn", o.MQTTSN, err))
		}
		o.mqttsnConns = conns
	}
	return errors.Join(errs...)
}

func (o *outpost) openDoors(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", o.status)
	if o.coapConns != nil {
		cfg := coap.Config{
			Conns: coap.Conns(o.coapConns), Core: o.line, Log: o.log, NodePort: o.nodePort, Presence: o.presence, Slow: o.Durability == "commit",
		}
		if o.kept != nil {
			cfg.Fleet = o.kept
		}
		o.coap = coap.New(cfg)
	}
	if o.has("ws") {
		o.ws = ws.New(ws.Config{Core: o.line, Log: o.log})
		mux.HandleFunc("/node", o.ws.ServeNode)
	}
	if o.has("mqtt") || o.has("mqttsn") {
		if err := o.openMQTT(ctx); err != nil {
			return err
		}
		if o.has("mqtt") {
			mux.Handle("/mqtt", o.mqtt)
		}
	}
	o.pages = &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(o.log.Handler(), slog.LevelDebug),
	}
	return nil
}

// openMQTT makes the doors for MQTT and MQTT-SN, which share a broker.
func (o *outpost) openMQTT(ctx context.Context) error {
	o.mqtt = mqtt.New(mqtt.Config{
		Core: o.line, Log: o.log, Anonymous: o.Anonymous, Outside: o.MQTTBroker, OutsideID: outsideID(o.MQTTBroker, o.Data, o.log), Presence: o.presence,
	})
	if err := o.mqtt.Load(ctx); err != nil {
		return err
	}
	if o.mqttsnConns == nil {
		return nil
	}
	cfg := mqttsn.Config{
		Broker: o.mqtt.Broker(), Conns: mqttsn.Conns(o.mqttsnConns), Log: o.log,
		Admit: func(ctx context.Context, _, remote string) (any, wire.ReasonCode) {
			return o.mqtt.Admit(ctx, mqtt.Login{Remote: remote})
		},
	}
	if o.MQTTSNTopics != "" {
		topics, err := readTopics(o.MQTTSNTopics)
		if err != nil {
			return fmt.Errorf("--mqttsn-topics %s: %w", o.MQTTSNTopics, err)
		}
		cfg.Predefined = topics
	}
	o.mqttsn = mqttsn.New(cfg)
	return nil
}

// lastWords is how long the hub may take, at the end, to acknowledge what it was sent.
const lastWords = 2 * time.Second

// run serves until ctx ends or a part fails; then the doors close, what they said last
// goes out, and the line closes.
func (o *outpost) run(ctx context.Context, out io.Writer) error {
	doors, closeDoors := context.WithCancelCause(context.WithoutCancel(ctx))
	defer closeDoors(nil)
	defer context.AfterFunc(ctx, func() { closeDoors(nil) })()
	life, endLine := context.WithCancel(context.WithoutCancel(ctx))
	defer endLine()
	var inDoors, inLine sync.WaitGroup
	inLine.Go(func() {
		if err := o.line.Run(life); err != nil {
			closeDoors(err)
		}
	})
	o.openForAll(doors, &inDoors, closeDoors)
	fmt.Fprintf(out, "Roost %s: gateway %s for %s\n%s", version, o.Name, gateway.Shown(o.Hub), o.addresses())
	<-doors.Done()
	o.log.Info("stopping")
	settled := make(chan struct{})
	go func() { defer close(settled); inDoors.Wait() }()
	select {
	case <-settled:
	case <-time.After(patience):
		o.log.Error("did not stop in time; going on", "part", "doors")
	}
	if o.kept != nil && ctx.Err() != nil {
		last, stop := context.WithTimeout(life, lastWords)
		_ = o.kept.Settled(last) // the rest goes out at the next start
		stop()
	}
	endLine()
	inLine.Wait()
	if cause := context.Cause(doors); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// openForAll starts every door; one that ends by itself stops the gateway.
func (o *outpost) openForAll(ctx context.Context, in *sync.WaitGroup, stop context.CancelCauseFunc) {
	if o.coap != nil {
		in.Go(func() {
			if err := o.coap.Run(ctx); err != nil {
				stop(fmt.Errorf("CoAP door: %w", err))
			}
		})
	}
	if o.ws != nil {
		in.Go(func() { o.ws.Run(ctx) })
	}
	if o.mqtt != nil {
		o.openMQTTForAll(ctx, in, stop)
	}
	if o.web != nil {
		in.Go(func() {
			if err := o.pages.Serve(o.web); err != nil && !errors.Is(err, http.ErrServerClosed) {
				stop(fmt.Errorf("HTTP on %s: %w", o.web.Addr(), err))
			}
		})
		in.Go(func() { <-ctx.Done(); _ = o.pages.Close() })
	}
}

// openMQTTForAll starts the doors for MQTT; that for MQTT-SN ends first.
func (o *outpost) openMQTTForAll(ctx context.Context, in *sync.WaitGroup, stop context.CancelCauseFunc) {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	in.Go(func() { o.mqtt.Run(life) })
	if o.mqttAt != nil {
		in.Go(func() {
			if err := o.mqtt.Serve(o.mqttAt); err != nil && !errors.Is(err, net.ErrClosed) {
				stop(fmt.Errorf("MQTT on %s: %w", o.MQTT, err))
			}
		})
	}
	in.Go(func() {
		defer end()
		if o.mqttsn == nil {
			<-ctx.Done()
			return
		}
		if err := o.mqttsn.Run(ctx); err != nil {
			stop(fmt.Errorf("MQTT-SN door: %w", err))
		}
	})
}

// addresses says where the doors are, a line each.
func (o *outpost) addresses() string {
	var b strings.Builder
	line := func(door string, at net.Addr) { fmt.Fprintf(&b, "  %-8s %s\n", door, at) }
	if o.coapConns != nil {
		line("coap", o.coapConns.LocalAddr())
	}
	if o.web != nil {
		line("http", o.web.Addr())
	}
	if o.mqttAt != nil {
		line("mqtt", o.mqttAt.Addr())
	}
	if o.mqttsnConns != nil {
		line("mqttsn", o.mqttsnConns.LocalAddr())
	}
	return b.String()
}

// close closes whatever is open.
func (o *outpost) close() {
	if o.kept != nil {
		if err := o.kept.Close(); err != nil {
			o.log.Error("spool not closed cleanly; the next start repairs it", "err", err)
		}
	}
	if o.coapConns != nil {
		_ = o.coapConns.Close()
	}
	if o.mqttsnConns != nil {
		_ = o.mqttsnConns.Close()
	}
	for _, l := range []net.Listener{o.web, o.mqttAt} {
		if l != nil {
			_ = l.Close()
		}
	}
}
