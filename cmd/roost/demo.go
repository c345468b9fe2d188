package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"syscall"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/sim"
)

type demoCmd struct {
	Data     string `help:"Folder of everything that is kept." default:"roost-demo"`
	HTTP     string `name:"http" help:"Pages, API and WebSocket nodes." default:"127.0.0.1:8080"`
	CoAP     string `name:"coap" help:"CoAP over UDP." default:"127.0.0.1:5683"`
	MQTT     string `name:"mqtt" help:"MQTT over TCP." default:"127.0.0.1:1883"`
	MQTTSN   string `name:"mqttsn" help:"MQTT-SN over UDP." default:"127.0.0.1:1885"`
	LogLevel string `help:"debug, info, warn or error." default:"warn"`
}

// The demo's usual addresses. Where another program has one, a free port will do:
// nobody but the demo's own things needs to find it.
const (
	demoHTTP   = "127.0.0.1:8080"
	demoCoAP   = "127.0.0.1:5683"
	demoMQTT   = "127.0.0.1:1883"
	demoMQTTSN = "127.0.0.1:1885"
)

// freed gives the address, or any port of loopback if it is the usual one and taken.
func freed(ctx context.Context, out io.Writer, network, name, usual, address string) string {
	if address != usual {
		return address
	}
	var lc net.ListenConfig
	var probe io.Closer
	var err error
	if network == "tcp" {
		probe, err = lc.Listen(ctx, network, address)
	} else {
		probe, err = lc.ListenPacket(ctx, network, address)
	}
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			fmt.Fprintf(out, "%s is taken by another program; the demo's %s is at a free port instead.\n", address, name)
			return "127.0.0.1:0"
		}
		return address // opening it tells what is wrong
	}
	_ = probe.Close()
	return address
}

// Run serves on loopback and plays a small fleet against it. All but one of the
// things are let in; that one shows what approving is.
func (d demoCmd) Run(ctx context.Context, con console) error {
	d.HTTP = freed(ctx, con.out, "tcp", "HTTP", demoHTTP, d.HTTP)
	d.CoAP = freed(ctx, con.out, "udp", "CoAP", demoCoAP, d.CoAP)
	d.MQTT = freed(ctx, con.out, "tcp", "MQTT", demoMQTT, d.MQTT)
	d.MQTTSN = freed(ctx, con.out, "udp", "MQTT-SN", demoMQTTSN, d.MQTTSN)
	set, err := serveCmd{
		Data: d.Data, HTTP: d.HTTP, CoAP: d.CoAP, MQTT: d.MQTT, MQTTSN: d.MQTTSN, LogLevel: d.LogLevel,
		MQTTAnonymous: "things",
		CoAPNodePort:  "5683", Enrol: "approve", PyaiotClients: "token", PyaiotAuth: "any",
		KeyFile: "~/.pyaiot/keys", Presence: "120s", Durability: "batch",
		MapTiles: "https://tile.openstreetmap.org/{z}/{x}/{y}.png",
	}.check()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(con.err, &slog.HandlerOptions{Level: set.level}))
	h, err := openHouse(ctx, set, log)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	for _, g := range sim.DemoGuests() {
		if !g.Waits {
			h.guests.expect(roost.Identity{Door: g.Door, Own: g.ID})
		}
	}
	h.guests.expect(roost.Identity{Door: "pythings", Own: sim.DemoBoard})
	h.guests.expect(roost.Identity{Door: "board", Own: sim.DemoMAC()})
	var fleet sync.WaitGroup
	defer fleet.Wait()
	return h.run(ctx, func(doors context.Context) error {
		if err := h.announce(doors, con.out); err != nil {
			return err
		}
		fmt.Fprintln(con.out, "A demo fleet is moving in: CoAP, MQTT, MQTT-SN and WebSocket nodes, a PythingsOS device, a board that asks for its files, and a virtual board with Roost's own runtime, on this machine. Ctrl-C ends it all.")
		to := h.simAddresses()
		if to.DemoApp, err = h.demoApp(doors); err != nil {
			return err
		}
		if to.DemoKind, err = h.demoBoards(doors); err != nil {
			return err
		}
		to.DemoRuntime, to.DemoFlash = h.demoRuntime, h.demoFlash()
		fleet.Go(func() {
			if err := sim.Demo(doors, to); err != nil {
				log.Error("the demo fleet left", "err", err)
			}
		})
		return nil
	})
}
