package board

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/release"
)

// board is one board. It is the thing's Link.
type board struct {
	d   *Door
	ref roost.Ref

	asking chan struct{} // has one in it while the board is asked by its own HTTP server
	line   chan struct{} // has one in it for each who asks it, or waits to

	mu    sync.Mutex // held over the disk: what one board is given is decided by one call at a time
	gone  bool       // it was deleted: nothing of it may be kept any more
	facts roost.Board
	port  uint16          // of its own HTTP server, if it told; kept nowhere else
	out   map[string]bool // ids of hotfixes in answers that are being written
	fixes []*roost.Hotfix // that are wanted, or to be taken back or archived; oldest first
}

// Send implements gateway.Link. A board comes for what there is; its values come by
// themselves.
func (b *board) Send(ctx context.Context, c roost.Command) error {
	if c.Kind == roost.Refresh {
		return b.d.cfg.Core.Answer(ctx, gateway.Answer{Ref: c.Ref, ID: c.ID, State: roost.Done})
	}
	return roost.Errorf(roost.Conflict, "A board takes files and restarts from here; write its config on the board itself.")
}

// Close implements gateway.Link.
func (b *board) Close(string) {}

// hold takes b.mu, which the caller gives back unless there is an error: roost.NotFound
// when the board was deleted since it was looked up.
func (b *board) hold() error {
	b.mu.Lock()
	if !b.gone {
		return nil
	}
	b.mu.Unlock()
	return roost.Errorf(roost.NotFound, "Board %s was deleted just now; it gets its id when it boots.", b.ref.Thing)
}

// nextFacts gives what is known of a board, to be changed and kept; the caller holds b.mu.
// One that has not booted since it was let in has told no MAC yet: that is its identity's.
func (b *board) nextFacts() roost.Board {
	f := b.facts
	if f.MAC == "" {
		t, _, _ := b.d.cfg.Registry.Get(b.ref)
		f.MAC = t.Identity.Own
	}
	return f
}

// keep stores facts that differ from those known; the caller holds b.mu.
func (b *board) keep(ctx context.Context, f roost.Board) error {
	if b.facts.MAC == f.MAC && b.facts.AppType == f.AppType && b.facts.DeviceType == f.DeviceType && b.facts.Firmware == f.Firmware &&
		b.facts.Version == f.Version && b.facts.IP == f.IP && b.facts.Meta == f.Meta && b.facts.Interval == f.Interval &&
		b.facts.Booted.Equal(f.Booted) && maps.Equal(b.facts.Files, f.Files) {
		return nil
	}
	if err := b.d.cfg.Store.SaveBoard(ctx, f); err != nil {
		return roost.Because(roost.Unavailable, err, "What the board says cannot be stored at present.")
	}
	b.facts = f
	return nil
}

// firstInterval is how often boards send heartbeats until somebody says otherwise.
const firstInterval = 5 * time.Minute

// interval is what a board is told of its heartbeats.
func (d *Door) interval(ref roost.Ref) time.Duration {
	if w, ok := d.cfg.Releases.Wanted(ref); ok && w.Settings.Management > 0 {
		return time.Duration(w.Settings.Management) * time.Second
	}
	return firstInterval
}

// silence is how long a board may be silent: 2.5 heartbeats, at the interval of its pool
// or at its own if that is longer. told is its own as it is telling it; 0: as it told before.
func (d *Door) silence(ref roost.Ref, told time.Duration) time.Duration {
	if b := d.known(ref); b != nil && told == 0 {
		b.mu.Lock()
		told = b.facts.Interval
		b.mu.Unlock()
	}
	return max(d.interval(ref), told) * 5 / 2
}

// find gives the board of an id that it was given at its first boot, as it comes back; mac
// may be "". Errors: roost.Invalid, roost.NotFound, roost.Conflict for the MAC of another,
// roost.TooMany, and arrive's.
func (d *Door) find(ctx context.Context, c *call, id, mac string) (*board, error) {
	if id == "" {
		return nil, missing("device_id")
	}
	if !d.calls.Take("id "+short(id), c.now) {
		return nil, tooOften()
	}
	t, _, ok := d.cfg.Registry.Get(roost.Ref{Project: d.cfg.Project, Thing: roost.ThingID(id)})
	if !ok || t.Identity.Door != doorName {
		return nil, roost.Errorf(roost.NotFound, "There is no board %q here; it gets its id when it boots.", short(id))
	}
	if clean, _ := cleanMAC(mac); mac != "" && clean != t.Identity.Own {
		return nil, roost.Errorf(roost.Conflict, "Board %s has another MAC: two boards use one id.", short(id))
	}
	admits := false
	if w, ok := d.cfg.Releases.Wanted(t.Ref); ok {
		admits = w.App.Admits
	}
	return d.arrive(ctx, c, t.Identity.Own, t.Thing, admits)
}

// arrive tells that a board is here, and gives it when it is let in. id is wanted for one
// that is new. Errors: *refusal, with the id that the board has.
func (d *Door) arrive(ctx context.Context, c *call, mac string, id roost.ThingID, admits bool) (*board, error) {
	ref := roost.Ref{Project: d.cfg.Project, Thing: id}
	a := gateway.Arrival{
		Project: d.cfg.Project, Identity: roost.Identity{Door: doorName, Own: mac}, ID: id,
		Protocol: roost.BoardPlatform, Address: c.remote, Trusted: admits, Silence: d.silence(ref, c.every),
	}
	if t, _, ok := d.cfg.Registry.Get(ref); ok && t.Identity == a.Identity && t.Enrolment == roost.Enrolled {
		a.Link = d.board(ref)
	}
	standing, err := d.cfg.Core.Arrive(ctx, a)
	if err != nil {
		return nil, &refusal{err: err, device: standing.Ref.Thing}
	}
	if standing.Enrolment != roost.Enrolled {
		err := roost.Errorf(roost.Denied, "Board %s waits for approval: let it in on the page of new things, or with: roost thing approve %s",
			standing.Ref.Thing, standing.Ref.Thing)
		return nil, &refusal{err: err, device: standing.Ref.Thing}
	}
	b := d.board(standing.Ref)
	if a.Link != gateway.Link(b) { // it was let in just now
		a.Link, a.Silence = b, d.silence(standing.Ref, c.every)
		if _, err := d.cfg.Core.Arrive(ctx, a); err != nil {
			return nil, &refusal{err: err, device: standing.Ref.Thing}
		}
	}
	return b, nil
}

// bind makes app the board's, which begins a run, unless it is that already and again is
// false. version is the id of the commit that the board has, "0" if none. The caller holds
// b.mu.
func (b *board) bind(ctx context.Context, app roost.App, version, address string, again bool) error {
	sw, known := b.d.cfg.Releases.Software(b.ref)
	if known && sw.App == app.ID && !again {
		return nil
	}
	_, err := b.d.cfg.Releases.Register(ctx, release.Registration{
		Ref: b.ref, App: app.ID, Platform: b.facts.DeviceType, Version: version, Address: address, Frozen: true,
	})
	if err != nil {
		return fmt.Errorf("bind a board to its app: %w", err)
	}
	return nil
}

// booted ends a restart that the board was asked for.
func (b *board) booted(ctx context.Context) {
	cmd, ok := b.d.cfg.Commands.Fetched(b.ref)
	if !ok || cmd.Kind != roost.Restart {
		return
	}
	if err := b.d.cfg.Core.Answer(ctx, gateway.Answer{Ref: cmd.Ref, ID: cmd.ID, State: roost.Done}); err != nil {
		b.d.cfg.Log.Log(ctx, gateway.Fault(ctx), "end of a restart lost", "thing", string(cmd.Thing), "protocol", doorName, "err", err)
	}
}
