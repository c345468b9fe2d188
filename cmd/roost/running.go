package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"net/url"
	"sync"
	"time"

	"github.com/roost-iot/roost/micropython"
)

// patience is how long each step of closing may take.
const patience = 5 * time.Second

// run serves until ctx ends or a door fails, then closes in this order: no command
// is begun any more, doors stop admitting, doors drain, the dispatcher stops, the feed
// closes, telemetry and registry write what is left, stores close. ready is called
// once everybody is served.
func (h *house) run(ctx context.Context, ready func(context.Context) error) error {
	// The rooms outlive the doors.
	rooms, stopRooms := context.WithCancel(context.WithoutCancel(ctx))
	doors, closeDoors := context.WithCancelCause(context.WithoutCancel(ctx))
	stopDoors := func(cause error) { h.commands.Hold(); closeDoors(cause) }
	defer context.AfterFunc(ctx, func() { stopDoors(nil) })()
	var inRooms, dispatching, inDoors sync.WaitGroup
	dispatch, stopDispatch := context.WithCancel(rooms)
	dispatching.Go(func() { h.commands.Run(dispatch, h.switchboard) })
	inRooms.Go(func() { h.telemetry.Run(rooms) })
	inRooms.Go(func() { h.registry.Run(rooms) })
	inRooms.Go(func() { h.releases.Run(rooms) })
	inRooms.Go(func() { h.keepStore(rooms) })

	h.openForAll(doors, &inDoors, stopDoors)
	h.awaitDoors(doors)
	if err := ready(doors); err != nil {
		stopDoors(err)
	}
	<-doors.Done()
	h.log.Info("stopping")

	h.step("doors", 3*patience, func(ctx context.Context) {
		closePages(ctx, h.pages)
		stopDoors(nil)
		inDoors.Wait()
	})
	h.step("dispatcher", patience, func(context.Context) { stopDispatch(); dispatching.Wait() })
	h.feed.Close()
	h.step("rooms", patience, func(context.Context) { stopRooms(); inRooms.Wait() })
	h.step("stores", patience, func(context.Context) { h.closeAll() })
	if cause := context.Cause(doors); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// unlessStopped gives nil for an opening that was broken off by the end of ctx: whoever
// tells a server to stop while it starts is obeyed, and nothing has failed.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// closePages lets requests that are under way come to their end, and cuts off those
// that do not in time: downloads over slow lines, and peers that say no more.
func closePages(ctx context.Context, pages *http.Server) {
	ctx, enough := context.WithTimeout(ctx, patience)
	defer enough()
	if pages.Shutdown(ctx) != nil {
		_ = pages.Close()
	}
}

// step runs one part of closing and goes on without it when it takes too long. Doors
// have more time than others: pages, connections and the broker's journal end in turn.
func (h *house) step(name string, within time.Duration, f func(context.Context)) {
	ctx, stop := context.WithTimeout(context.Background(), within)
	defer stop()
	done := make(chan struct{})
	go func() { defer close(done); f(ctx) }()
	select {
	case <-done:
	case <-ctx.Done():
		h.log.Error("did not stop in time; going on", "part", name)
	}
}

// openForAll starts every door; one that ends by itself stops the house.
func (h *house) openForAll(ctx context.Context, in *sync.WaitGroup, stop context.CancelCauseFunc) {
	in.Go(func() { h.ws.Run(ctx) })
	in.Go(func() { h.pyaiot.Run(ctx) })
	in.Go(func() { h.relay.Run(ctx) })
	in.Go(func() { h.web.Run(ctx) })
	in.Go(func() { h.boards.Run(ctx) })
	in.Go(func() { h.agents.Run(micropython.Ahead(ctx)) })
	in.Go(func() { h.guests.run(ctx) })
	in.Go(func() { h.warmCompiler(micropython.Ahead(ctx)) })
	in.Go(func() { <-ctx.Done(); _ = h.simulator.Close() })
	if h.coap != nil {
		in.Go(func() {
			if err := h.coap.Run(ctx); err != nil {
				stop(fmt.Errorf("CoAP door: %w", err))
			}
		})
	}
	h.openMQTTForAll(ctx, in, stop)
	for _, l := range h.listeners {
		in.Go(func() {
			if err := h.pages.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
				stop(fmt.Errorf("HTTP on %s: %w", l.Addr(), err))
			}
		})
	}
	if h.debug != nil {
		profiles := &http.Server{Handler: profileRoutes(), ReadHeaderTimeout: 10 * time.Second}
		in.Go(func() { _ = profiles.Serve(h.debug) })
		in.Go(func() { <-ctx.Done(); _ = profiles.Close() })
	}
}

// awaitDoors returns when whoever comes is let in: nobody is told that Roost is ready
// and then to come again.
func (h *house) awaitDoors(ctx context.Context) {
	for _, opened := range []<-chan struct{}{h.ws.Opened(), h.pyaiot.Opened(), h.relay.Opened()} {
		select {
		case <-opened:
		case <-ctx.Done():
			return
		}
	}
}

// openMQTTForAll starts the doors for MQTT. That for MQTT-SN ends first: its clients
// are sessions of the other's broker.
func (h *house) openMQTTForAll(ctx context.Context, in *sync.WaitGroup, stop context.CancelCauseFunc) {
	if h.mqtt == nil {
		return
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	in.Go(func() { h.mqtt.Run(life) })
	if h.mqttAt != nil {
		in.Go(func() {
			if err := h.mqtt.Serve(h.mqttAt); err != nil && !errors.Is(err, net.ErrClosed) {
				stop(fmt.Errorf("MQTT on %s: %w", h.at.mqtt, err))
			}
		})
	}
	in.Go(func() {
		defer end()
		if h.mqttsn == nil {
			<-ctx.Done()
			return
		}
		if err := h.mqttsn.Run(ctx); err != nil {
			stop(fmt.Errorf("MQTT-SN door: %w", err))
		}
	})
}

func profileRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// keepStore folds the write-ahead log back now and then.
func (h *house) keepStore(ctx context.Context) {
	if err := h.store.Run(ctx); err != nil && ctx.Err() == nil {
		h.log.Error("upkeep of the store ended", "err", err)
	}
}

// closeAll closes stores and sockets, whatever of them is open.
func (h *house) closeAll() {
	if h.numbers != nil {
		ctx, stop := context.WithTimeout(context.Background(), patience)
		defer stop()
		if err := h.numbers.Close(ctx); err != nil {
			h.log.Error("readings not closed cleanly; the next start repairs them", "err", err)
		}
	}
	if h.compiler != nil {
		_ = h.compiler.Close() // it holds nothing but memory
	}
	if h.store != nil {
		if err := h.store.Close(); err != nil {
			h.log.Error("store not closed cleanly", "err", err)
		}
	}
	for _, l := range h.listeners {
		_ = l.Close()
	}
	if h.debug != nil {
		_ = h.debug.Close()
	}
	if h.coapConn != nil {
		_ = h.coapConn.Close()
	}
	if h.mqttAt != nil {
		_ = h.mqttAt.Close()
	}
	if h.mqttsnConns != nil {
		_ = h.mqttsnConns.Close()
	}
	if h.mqttsnGroup != nil {
		_ = h.mqttsnGroup.Close()
	}
}

// address is where people find this server.
func (h *house) address() string {
	if h.PublicURL != "" {
		return h.PublicURL
	}
	return "http://" + pageHost(h.listeners[0].Addr())
}

// announce leaves the local token for the command line and prints where to go.
func (h *house) announce(ctx context.Context, out io.Writer) error {
	token, err := h.accounts.LocalToken(ctx)
	if err != nil {
		return fmt.Errorf("make the token of this machine: %w", err)
	}
	here := local{URL: "http://" + onLoopback(h.listeners[0].Addr()), Token: token}
	if err := here.write(h.Data); err != nil {
		return fmt.Errorf("--data %s: %w", h.Data, err)
	}
	fmt.Fprintf(out, "Roost %s is ready at %s\n", version, h.address())
	setup, err := h.accounts.NeedsSetup(ctx)
	if err != nil || !setup {
		return err
	}
	link, err := h.accounts.SetupToken(ctx)
	if err != nil {
		return fmt.Errorf("make the set-up link: %w", err)
	}
	_, err = fmt.Fprintf(out, "Make the owner's account (this link works once):\n  %s/setup#%s\n", h.address(), url.QueryEscape(link))
	return err
}
