package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
	"github.com/roost-iot/roost/gateway/pyaiot"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/web"
)

// dashboard is a house without doors for things: its rooms are filled by what a
// broker elsewhere tells its pages, and kept no longer than the process lives.
type dashboard struct {
	*house
	set      pageSettings
	listener net.Listener
	watch    *pyaiot.Watch
}

// openDashboard takes the address, then opens rooms over a folder of their own.
func openDashboard(ctx context.Context, set pageSettings, log *slog.Logger) (_ *dashboard, err error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", set.HTTP)
	if err != nil {
		return nil, socketError("http", set.HTTP, err)
	}
	d := &dashboard{set: set, listener: listener, house: &house{log: log, started: time.Now()}}
	defer func() {
		if err != nil {
			d.discard()
		}
	}()
	if d.Data, err = os.MkdirTemp("", "roost-dashboard-"); err != nil {
		return nil, fmt.Errorf("make a folder for the time being: %w", err)
	}
	d.settings.Durability, d.settings.Enrol, d.settings.presence = "batch", registry.EnrolOpen, 24*time.Hour
	for _, step := range []func(context.Context) error{d.openStores, d.openRooms, d.openPage} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// discard closes everything and removes what was kept.
func (d *dashboard) discard() {
	_ = d.listener.Close()
	d.closeAll()
	if d.Data == "" {
		return
	}
	if err := os.RemoveAll(d.Data); err != nil {
		d.log.Warn("the folder for the time being stays", "folder", d.Data, "err", err)
	}
}

// pagePerson is who signs in by the password of the page.
const pagePerson = "dashboard"

func (d *dashboard) openPage(ctx context.Context) error {
	d.guests.watch.Close() // nobody is simulated here
	d.watch = pyaiot.NewWatch(pyaiot.WatchConfig{URL: d.set.brokerURL(), Token: d.set.Token, Core: d.switchboard, Log: d.log})
	c := web.Config{
		Registry: d.registry, Telemetry: d.telemetry, Commands: d.commands, Switchboard: d.switchboard,
		Accounts: d.accounts, Feed: d.feed, System: d.system, Ready: d.ready, Version: version, Log: d.log,
		PublicURL: d.set.PublicURL, Site: d.set.site, Files: d.set.files, Public: d.set.role(),
	}
	if d.set.Password != "" {
		c.OnlyPerson = pagePerson
		if err := d.admit(ctx, d.set.Password); err != nil {
			return fmt.Errorf("--password: %s", roost.Message(err))
		}
	}
	d.web = web.New(c)
	d.pages = &http.Server{
		Handler: d.onlyHere(d.web.Handler()), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
	}
	return nil
}

// admit makes the person whom the password lets in.
func (d *dashboard) admit(ctx context.Context, password string) error {
	secret, err := d.accounts.LocalToken(ctx)
	if err != nil {
		return err
	}
	here, err := d.accounts.ByToken(ctx, secret)
	if err != nil {
		return err
	}
	_, err = d.accounts.AddPerson(ctx, here, roost.Home, account.NewPerson{Name: pagePerson, Password: password, Role: roost.Operator})
	return err
}

// onlyHere answers none but those who ask for this machine by its own name, when the
// page lets everybody in who reaches it: a site elsewhere may have its name point here.
func (d *dashboard) onlyHere(next http.Handler) http.Handler {
	if !d.set.local {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !isLoopback(host) {
			http.Error(w, "This page is for this machine alone, by the name localhost.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// system is what the System page shows of the dashboard.
func (d *dashboard) system(ctx context.Context) web.System {
	s := web.System{Started: d.started, DataDir: d.Data}
	if st, err := d.store.Stats(ctx); err == nil {
		s.DataBytes = st.Bytes
	}
	s.Listeners = []web.Listener{
		{Name: "http", Address: d.listener.Addr().String(), State: "listening"},
		d.brokerState(),
	}
	return s
}

// brokerState shows the broker among the addresses of the page.
func (d *dashboard) brokerState() web.Listener {
	st := d.watch.Status()
	l := web.Listener{Name: "broker", Address: d.set.brokerURL(), State: "listening", Detail: fmt.Sprintf("connected; %d things", st.Things)}
	if !st.Connected {
		l.State, l.Detail = "failed", cmp.Or(st.LastError, "not connected yet")
	}
	return l
}

// run serves until ctx ends, then closes in the order of a house. ready is called
// once the page is served.
func (d *dashboard) run(ctx context.Context, ready func() error) error {
	rooms, stopRooms := context.WithCancel(context.WithoutCancel(ctx))
	open, shut := context.WithCancelCause(ctx)
	var inRooms, dispatching, inDoors sync.WaitGroup
	dispatch, stopDispatch := context.WithCancel(rooms)
	dispatching.Go(func() { d.commands.Run(dispatch, d.switchboard) })
	inRooms.Go(func() { d.telemetry.Run(rooms) })
	inRooms.Go(func() { d.registry.Run(rooms) })
	inRooms.Go(func() { d.keepStore(rooms) })
	inRooms.Go(func() { d.forget(rooms) })

	inDoors.Go(func() { d.watch.Run(open) })
	inDoors.Go(func() { d.web.Run(open) })
	inDoors.Go(func() {
		if err := d.pages.Serve(d.listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			shut(fmt.Errorf("HTTP on %s: %w", d.listener.Addr(), err))
		}
	})
	if err := ready(); err != nil {
		shut(err)
	}
	<-open.Done()
	d.log.Info("stopping")
	d.commands.Hold()
	d.step("doors", 2*patience, func(ctx context.Context) { closePages(ctx, d.pages); inDoors.Wait() })
	d.step("dispatcher", patience, func(context.Context) { stopDispatch(); dispatching.Wait() })
	d.feed.Close()
	d.step("rooms", patience, func(context.Context) { stopRooms(); inRooms.Wait() })
	d.step("stores", patience, func(context.Context) { d.discard() })
	if cause := context.Cause(open); ctx.Err() == nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}
