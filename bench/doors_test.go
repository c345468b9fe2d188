package bench

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway/coap"
	"github.com/roost-iot/roost/gateway/mqtt"
	"github.com/roost-iot/roost/gateway/mqttsn"
	"github.com/roost-iot/roost/gateway/pyaiot"
	"github.com/roost-iot/roost/gateway/ws"
	"github.com/roost-iot/roost/internal/roomtest"
	codes "github.com/roost-iot/roost/wire/mqtt"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// openDoors opens Roost's own doors over the real rooms.
func openDoors(t *testing.T) Config {
	t.Helper()
	rooms := roomtest.Open(t, roomtest.Config{})
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	conn, err := coap.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	keys := wire.GenerateKeys()
	// Nobody serves UDP port 1; what runs at 5683 of this machine is no business of the test.
	nodes := coap.New(coap.Config{Conns: coap.Conns(conn), Core: rooms.Switchboard, Log: log, NodePort: 1, Fallback: 50 * time.Millisecond})
	mq, mqttAt, snAt := openMQTT(t, rooms, log)
	sockets := ws.New(ws.Config{Core: rooms.Switchboard, Log: log})
	broker := pyaiot.New(pyaiot.Config{
		Core: rooms.Switchboard, Feed: rooms.Feed, Fleet: rooms.Registry, Log: log, Keys: keys, Clients: pyaiot.ClientsOpen,
		Submit: func(ctx context.Context, ref roost.Ref, resource string, v roost.Value, by string) error {
			_, err := rooms.Commands.Submit(ctx, command.Request{Ref: ref, Resource: resource, Value: v, By: by})
			return err
		},
	})
	mux := http.NewServeMux()
	mux.HandleFunc("/node", sockets.ServeNode)
	mux.HandleFunc("/gw", broker.ServeGateway)
	mux.HandleFunc("/ws", broker.ServeClient)
	web := httptest.NewServer(mux)
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { _ = nodes.Run(ctx) })
	work.Go(func() { sockets.Run(ctx) })
	work.Go(func() { broker.Run(ctx) })
	work.Go(func() { mq(ctx) })
	t.Cleanup(func() {
		cancel()
		work.Wait()
		web.Close()
		_ = conn.Close()
	})
	for _, path := range []string{"/ws", "/node"} { // doors open a moment after Run began
		for {
			c, err := dialWS(t.Context(), web.Listener.Addr().String(), path, "", 512)
			if err == nil {
				_ = c.Close()
				break
			}
			if !strings.Contains(err.Error(), "503") || !pause(t.Context(), time.Millisecond) {
				t.Fatal(err)
			}
		}
	}
	return Config{
		HTTP: web.Listener.Addr().String(), CoAP: conn.LocalAddr().String(), Keys: keys,
		MQTT: mqttAt, MQTTSN: snAt,
		Warmup: 20 * time.Millisecond, Duration: 100 * time.Millisecond,
		Gateways: 2, Things: 3, Clients: 4, InFlight: 16,
	}
}

// openMQTT opens the doors for MQTT and MQTT-SN; run serves until its context ends.
func openMQTT(t *testing.T, rooms *roomtest.Rooms, log *slog.Logger) (run func(context.Context), mqttAt, snAt string) {
	t.Helper()
	door := mqtt.New(mqtt.Config{Core: rooms.Switchboard, Log: log, Anonymous: mqtt.AnonymousAny})
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := mqttsn.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sleepy := mqttsn.New(mqttsn.Config{Broker: door.Broker(), Conns: mqttsn.Conns(udp), Log: log, Admit: func(ctx context.Context, _, remote string) (any, codes.ReasonCode) {
		return door.Admit(ctx, mqtt.Login{Remote: remote})
	}})
	return func(ctx context.Context) {
		var work sync.WaitGroup
		work.Go(func() { door.Run(ctx) })
		work.Go(func() { _ = door.Serve(tcp) })
		work.Go(func() { _ = sleepy.Run(ctx) })
		work.Wait()
		_ = udp.Close()
	}, tcp.Addr().String(), udp.LocalAddr().String()
}

// Roost's own doors lose nothing.
func TestScenariosAtRoostsDoors(t *testing.T) {
	c := openDoors(t)
	for _, s := range Scenarios() {
		switch s.Name {
		case "idle", "stream", "mqtt-idle", "apps", "boards", "ota": // these need the whole program
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			r := counted(t, s.Run, c)
			if n := r.More["answered with an error"]; n != 0 {
				t.Errorf("%v answered with an error", n)
			}
		})
	}
}
