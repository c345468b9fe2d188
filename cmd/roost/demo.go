package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

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

// Run serves on loopback and plays a small fleet against it. All but one of the
// things are let in; that one shows what approving is.
func (d demoCmd) Run(ctx context.Context, con console) error {
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
		return err
	}
	for _, g := range sim.DemoGuests() {
		if !g.Waits {
			h.guests.expect(roost.Identity{Door: g.Door, Own: g.ID})
		}
	}
	var fleet sync.WaitGroup
	defer fleet.Wait()
	return h.run(ctx, func(doors context.Context) error {
		if err := h.announce(ctx, con.out); err != nil {
			return err
		}
		fmt.Fprintln(con.out, "A demo fleet is moving in: CoAP, MQTT, MQTT-SN and WebSocket nodes on this machine. Ctrl-C ends it all.")
		fleet.Go(func() {
			if err := sim.Demo(doors, h.simAddresses()); err != nil {
				log.Error("the demo fleet left", "err", err)
			}
		})
		return nil
	})
}
