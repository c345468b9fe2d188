package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/agent"
	"github.com/roost-iot/roost/gateway/board"
	"github.com/roost-iot/roost/gateway/coap"
	"github.com/roost-iot/roost/gateway/mqtt"
	"github.com/roost-iot/roost/gateway/mqttsn"
	"github.com/roost-iot/roost/gateway/pyaiot"
	"github.com/roost-iot/roost/gateway/pythings"
	"github.com/roost-iot/roost/gateway/relay"
	"github.com/roost-iot/roost/gateway/udp"
	"github.com/roost-iot/roost/gateway/ws"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/sim"
	"github.com/roost-iot/roost/store/series"
	"github.com/roost-iot/roost/store/sqlite"
	"github.com/roost-iot/roost/telemetry"
	"github.com/roost-iot/roost/web"
)

// house is one server: stores below, rooms above them, doors on top.
type house struct {
	settings
	log     *slog.Logger
	started time.Time

	store   *sqlite.Store
	numbers *series.DB

	feed        *live.Feed
	registry    *registry.Registry
	telemetry   *telemetry.Telemetry
	commands    *command.Commands
	accounts    *account.Accounts
	releases    *release.Releases
	compiler    *micropython.Compiler // nil: not in this build
	switchboard *gateway.Switchboard

	certificate    *certificate // nil: none was given
	ownCertificate *ownCertificate
	listeners      []net.Listener
	debug          net.Listener // nil: none
	coapConn       udp.Sockets  // nil: off
	mqttAt         net.Listener // nil: off
	mqttsnConns    udp.Sockets  // nil: off
	mqttsnGroup    *net.UDPConn // nil: none
	at             addresses
	coap           *coap.Door
	mqtt           *mqtt.Door   // nil: off, as is what follows
	mqttsn         *mqttsn.Door // on the broker of mqtt
	ws             *ws.Door
	pyaiot         *pyaiot.Door
	relay          *relay.Server
	pythings       *pythings.Door
	boards         *board.Door
	agents         *agent.Door
	runtime        *boardRuntime
	web            *web.Server
	pages          *http.Server
	simulator      *sim.Starter
	guests         *guests
}

// addresses are where the doors of nodes listen; nil: off.
type addresses struct{ coap, mqtt, mqttsn net.Addr }

// openHouse opens sockets, stores, rooms and doors. Nobody is served before run.
func openHouse(ctx context.Context, set settings, log *slog.Logger) (_ *house, err error) {
	h := &house{settings: set, log: log, started: time.Now()}
	defer func() {
		if err != nil {
			h.closeAll()
		}
	}()
	if h.certificate, err = loadCertificate(h.TLSCert, h.TLSKey, log); err != nil {
		return nil, err
	}
	h.ownCertificate = newOwnCertificate(h.Data, log)
	for _, step := range []func(context.Context) error{h.openSockets, h.openStores, h.openRooms, h.openDoors} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *house) openStores(ctx context.Context) (err error) {
	if h.Data, err = filepath.Abs(h.Data); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	h.store, err = sqlite.Open(ctx, h.Data, sqlite.Config{Durable: h.Durability == "commit", Log: h.log})
	if err != nil {
		return fmt.Errorf("--data %s: %s", h.Data, explain(err))
	}
	h.numbers, err = series.Open(ctx, h.store.Writer(), h.store.Reader(), series.Config{}, h.log)
	if err != nil {
		return fmt.Errorf("--data %s: open the readings: %w", h.Data, err)
	}
	return nil
}

// explain is the sentence for people, with the cause that the log would have shown.
func explain(err error) string {
	if e, ok := errors.AsType[*roost.Error](err); ok && e.Cause != nil {
		return fmt.Sprintf("%s (%v)", e.Message, e.Cause)
	}
	return err.Error()
}

func (h *house) openRooms(ctx context.Context) (err error) {
	h.feed = live.NewFeed(time.Now())
	h.registry, err = registry.Open(ctx, h.store, h.feed, registry.Config{Enrolment: h.Enrol, Presence: h.presence}, h.log)
	if err != nil {
		return err
	}
	h.telemetry = telemetry.New(h.store, h.numbers, telemetry.Config{Commit: h.Durability == "commit", Feed: h.feed}, h.log)
	h.commands, err = command.New(ctx, h.store, h.feed, command.Config{}, h.log)
	if err != nil {
		return fmt.Errorf("load commands: %w", err)
	}
	h.accounts = account.New(account.Config{Store: h.store, Log: h.log})
	if err := h.accounts.LoadKeys(ctx); err != nil {
		return fmt.Errorf("load the keys of gateways and things: %w", err)
	}
	if err := h.openReleases(ctx); err != nil {
		return err
	}
	h.switchboard = gateway.New(h.registry, h.telemetry, h.commands, h.log)
	h.guests = newGuests(h.switchboard, h.feed, h.log)
	return nil
}

func (h *house) openDoors(ctx context.Context) error {
	keys, err := h.loadKeys()
	if err != nil {
		return err
	}
	if h.coapConn != nil {
		h.coap = coap.New(coap.Config{
			Conns: coap.Conns(h.coapConn), Core: h.switchboard, Log: h.log,
			Fleet: h.registry, NodePort: h.nodePort, Presence: h.presence, Slow: h.Durability == "commit",
		})
	}
	if err := h.openMQTT(ctx); err != nil {
		return err
	}
	h.ws = ws.New(ws.Config{Core: h.switchboard, Log: h.log})
	h.pyaiot = pyaiot.New(pyaiot.Config{
		Core: h.switchboard, Feed: h.feed, Fleet: h.registry, Log: h.log,
		Keys: keys, Keyring: h.keyring, Legacy: h.PyaiotAuth == "any", Clients: h.PyaiotClients,
		Authenticate: h.visitor, PublicURL: h.PublicURL, Submit: h.submit,
	})
	h.relay = relay.NewServer(relay.ServerConfig{
		Core: h.switchboard, Settle: h.telemetry.Settle, Log: h.log,
		Keys: keys, Keyring: h.keyring, Version: version, Slow: h.Durability == "commit",
	})
	if err := h.openPythings(); err != nil {
		return err
	}
	if err := h.openBoards(ctx); err != nil {
		return err
	}
	h.runtime = &boardRuntime{compiler: h.compiler}
	if err := h.openAgents(ctx); err != nil {
		return err
	}
	h.simulator = sim.NewStarter(h.simAddresses())
	h.web = web.New(web.Config{
		Registry: h.registry, Telemetry: h.telemetry, Commands: h.commands, Switchboard: h.switchboard,
		Accounts: h.accounts, Releases: h.releases, Pythings: pythingsShown{h.pythings, h.TLSLegacy == "on"}, Feed: h.feed, System: h.system, Simulator: playing{h.simulator, h.guests, h.demoBoards, h},
		Boards: h.boards, NewBoards: newBoards{h}, Agents: h.agents, Runtime: h.runtime, FirmwareDir: filepath.Join(h.Data, "firmware"), Gateways: h.gateways, Revoked: h.revoked, Rebound: h.rebound, KeyFile: h.keyFile(keys), Site: h.site(),
		Ready: h.ready, PublicURL: h.PublicURL, Version: version, Log: h.log,
	})
	h.pages = &http.Server{
		Handler: h.routes(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
		ConnContext: pythings.ConnContext,
	}
	return nil
}

// routes sends the fixed paths of things to their doors and all else to web.
func (h *house) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/gw", h.pyaiot.ServeGateway)
	mux.HandleFunc("/ws", h.pyaiot.ServeClient)
	mux.HandleFunc("/node", h.ws.ServeNode)
	mux.Handle("/relay", h.relay)
	mux.Handle("/api/v1/", h.pythings)
	mux.Handle("/api/v0.2/", h.pythings)
	mux.Handle("/static/dist/PythingsOS/", h.pythings)
	mux.Handle("/iot/", h.boards)
	mux.Handle(agent.Base, h.agents)
	if h.mqttAt != nil {
		mux.Handle("/mqtt", h.mqtt)
	}
	mux.Handle("/", h.web.Handler())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if pythings.BelowPrefix(r) {
			h.pythings.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (h *house) ready(ctx context.Context) error { return h.store.Reader().PingContext(ctx) }
