package pythings

import (
	"context"
	"fmt"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	wire "github.com/roost-iot/roost/wire/pythings"
)

// errLost: the token is of no run that we know or can take up. Its device is led to a
// new registration (see rescue).
var errLost = roost.Errorf(roost.Unauthorized, "token not found")

// settling is how long a token may be preregistered only. One that is older and of no
// known run had one once.
const settling = 5 * time.Minute

// open reads the token and, in an encrypted session, what it hides. Errors: errLost,
// errInClear, errHidden, wire.ErrRequest, wire.ErrDamaged, roost.Invalid.
func (d *Door) open(c *call) error {
	if c.req.Token == "" {
		return roost.Errorf(roost.Invalid, "token missing")
	}
	token, err := d.tokens.Open(c.req.Token)
	switch {
	case err != nil && c.req.Encrypted != "":
		d.notice(c, "A device has an encrypted session that was not begun here, or with secrets that are gone. It cannot be told to start again: switch it off and on.")
		return roost.Errorf(roost.Unauthorized, "This encrypted session is not known here; restart the device.")
	case err != nil:
		return errLost
	case token.Encrypted && c.req.Encrypted == "":
		return errInClear
	case !token.Encrypted && c.req.Encrypted != "":
		return errHidden
	}
	c.token = token
	if !token.Encrypted {
		return nil
	}
	cipher := wire.NewCipher(token.Key)
	if err := c.req.Open(cipher); err != nil {
		return err
	}
	c.cipher = cipher
	return nil
}

// session finds the run and the thing of a call and tells that the thing is here.
// Errors: those of open, roost.Unauthorized for a run that another ended and for a
// thing that waits, and those of the rooms.
func (d *Door) session(ctx context.Context, c *call) error {
	if err := d.open(c); err != nil {
		return err
	}
	key, err := d.whose(ctx, c)
	if err != nil {
		return err
	}
	c.old0 = isOld0(c.token.Run)
	if c.thing = d.known(key); c.thing != nil { // only a run that goes on is a sign of life
		if err = d.resume(ctx, c, c.thing.ref); err == nil {
			err = d.arrive(ctx, c)
		}
	} else {
		c.thing = &thing{d: d, key: key}
		if err = d.arrive(ctx, c); err == nil {
			err = d.resume(ctx, c, c.thing.ref)
		}
	}
	if err == nil {
		d.cfg.Releases.Contact(c.thing.ref, c.now)
	}
	return err
}

// whose gives the identity that a token speaks of. One of an encrypted session was made
// before the thing said who it is.
func (d *Door) whose(ctx context.Context, c *call) (identity, error) {
	if !c.token.Preregistered() {
		return identity{c.token.Project, c.token.TID}, nil
	}
	run, ok, err := d.cfg.Releases.RunByID(ctx, c.token.Run)
	if err != nil {
		return identity{}, err
	}
	if !ok {
		return identity{}, d.unregistered(c)
	}
	if !run.Ended.IsZero() {
		return identity{}, d.superseded(c, run.Ref)
	}
	t, _, ok := d.cfg.Registry.Get(run.Ref)
	if !ok {
		return identity{}, errLost // the thing was deleted
	}
	return identity{run.Project, t.Identity.Own}, nil
}

// unregistered tells apart who has not registered yet from whose run is forgotten.
func (d *Door) unregistered(c *call) error {
	if c.now.Sub(c.token.Started) < settling {
		return roost.Errorf(roost.Unauthorized, "This session has no thing yet; register first.")
	}
	return errLost
}

// resume finds the run of a token, or takes it up again when the store has lost it.
func (d *Door) resume(ctx context.Context, c *call, ref roost.Ref) error {
	now, ok := d.cfg.Releases.CurrentRun(ref)
	if ok && now.ID == c.token.Run {
		c.run = now
		return nil
	}
	_, known, err := d.cfg.Releases.RunOf(ctx, ref, c.token.Run)
	if err != nil {
		return err
	}
	if known || ok && !c.token.Started.After(now.Started) {
		return d.superseded(c, ref)
	}
	if c.token.Preregistered() {
		return errLost
	}
	return d.revive(ctx, c, ref)
}

// revive takes a run up that the store does not know any more.
func (d *Door) revive(ctx context.Context, c *call, ref roost.Ref) error {
	run := roost.Run{
		Ref: ref, ID: c.token.Run, Started: c.token.Started, LastContact: c.now, App: c.token.App,
		Encrypted: c.token.Encrypted, Address: c.remote,
	}
	if s, ok := d.cfg.Releases.Software(ref); ok { // its app may be another by now: the version is not known
		run.Platform, run.Frozen, run.OS = s.Platform, s.Frozen, s.OS
	}
	if err := d.cfg.Releases.Revive(ctx, run); err != nil {
		return err
	}
	if err := d.stillHere(ctx, ref); err != nil {
		return err
	}
	d.write(ref, "warn", "goes on with a session from before; what was known of it is gone", "")
	if c.run, _ = d.cfg.Releases.CurrentRun(ref); c.run.ID != c.token.Run {
		return errLost
	}
	return nil
}

// superseded refuses a run that a newer one has ended. Its device does not register
// again by itself, so people are told.
func (d *Door) superseded(c *call, ref roost.Ref) error {
	current, ok := d.cfg.Releases.CurrentRun(ref)
	if ok && host(current.Address) != host(c.remote) {
		text := fmt.Sprintf("%s still uses a session that ended when %s registered as the same thing: two devices have the same id, or one has two addresses", host(c.remote), host(current.Address))
		if d.notices.add(c.remote, fmt.Sprintf("Thing %s: %s.", ref.Thing, text), c.now) {
			d.write(ref, "warn", text, "")
		}
	}
	return roost.Errorf(roost.Unauthorized, "This session ended when the thing registered again, from %s; restart the device.", host(current.Address))
}

// arrive tells that the thing of a call is here. Errors: roost.Unauthorized when it
// is not let in.
func (d *Door) arrive(ctx context.Context, c *call) error {
	a := d.arrival(c.thing.key, c.remote, c.thing)
	if wanted, ok := d.cfg.Releases.Wanted(c.thing.ref); ok {
		a.Trusted = wanted.App.Admits
		a.Silence = d.silence(wanted.Settings)
	} else if app, ok := d.cfg.Releases.Brought(string(c.token.App)); ok {
		a.Trusted = app.Admits
	}
	standing, err := d.cfg.Core.Arrive(ctx, a)
	if err != nil {
		return err
	}
	if standing.Enrolment != roost.Enrolled {
		return errWaits(standing.Ref)
	}
	c.thing = d.keep(c.thing, standing.Ref)
	return nil
}

// arrival is what all arrivals of a thing have in common.
func (d *Door) arrival(key identity, remote string, link gateway.Link) gateway.Arrival {
	return gateway.Arrival{
		Project: key.project, Identity: roost.Identity{Door: doorName, Own: key.own},
		Protocol: roost.PythingsOS, Address: remote, Link: link,
		Silence: firstSilence + d.cfg.Tolerance,
	}
}

// firstSilence is how long a thing may be silent whose intervals are not known yet.
const firstSilence = 5 * time.Minute

func (d *Door) silence(s roost.AppSettings) time.Duration {
	return time.Duration(max(s.Management, s.Worker))*time.Second + d.cfg.Tolerance
}

func errWaits(ref roost.Ref) error {
	return roost.Errorf(roost.Unauthorized, "Thing %s waits for approval: let it in on the page of new things, or with: roost thing approve %s", ref.Thing, ref.Thing)
}

// write puts a line into the log of a thing.
func (d *Door) write(ref roost.Ref, level, text, detail string) {
	d.cfg.Telemetry.Write(roost.LogLine{Ref: ref, Level: level, Text: text, Detail: detail})
}

// notice tells the operator of a device that cannot be served, and the log once.
func (d *Door) notice(c *call, text string) {
	if d.notices.add(c.remote, text, c.now) {
		d.cfg.Log.Warn("device not served", "protocol", doorName, "remote", c.remote, "err", text)
	}
}
