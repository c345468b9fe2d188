package mqtt

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// Guest is who a client turned out to be: a program, or a thing with a credential.
type Guest struct {
	ID      string // of the token or the credential: whose sessions these are
	Name    string // for the history of commands: "token ci"
	Project roost.ProjectID
	Role    roost.Role // of a program; "" for a thing
	Own     string     // what a thing with a credential calls itself; "" for a program

	// Again tells who they are by now, asked now and then. With roost.Unauthorized or
	// roost.Denied their connection ends. nil: always the same.
	Again func(ctx context.Context) (Guest, error)
}

// Login is what a client shows when it connects.
type Login struct {
	Given          bool // it gave a user name or a password
	User, Password string
	Remote         string // its address, HOST:PORT
}

// visitor is one connection: who is there, and which ids it speaks for.
type visitor struct {
	guest  atomic.Pointer[Guest] // nil: anonymous
	all    bool                  // anonymous, and everybody may do everything
	remote string

	subscribed atomic.Bool // it has subscribed to something
	left       atomic.Bool // its connection has ended; its will may follow

	client *broker.Client // since Connected; guarded by guests.mu, as is claims
	claims map[string]struct{}
}

// Admit tells who wants to come in. The guest is for broker.Client.Guest; with a code
// that is a failure there is none.
func (d *Door) Admit(ctx context.Context, l Login) (guest any, code mqtt.ReasonCode) {
	v := &visitor{remote: l.Remote}
	if !l.Given {
		if d.cfg.Anonymous == AnonymousOff {
			return nil, mqtt.NotAuthorized
		}
		v.all = d.cfg.Anonymous == AnonymousAny
		return v, mqtt.Success
	}
	if d.cfg.Authenticate == nil {
		return nil, mqtt.BadUserNameOrPassword
	}
	g, err := d.cfg.Authenticate(ctx, l.User, l.Password, l.Remote)
	if err != nil {
		d.log.Debug("MQTT client refused", "remote", l.Remote, "err", err)
		return nil, refusal(err)
	}
	if !d.welcome(g) {
		return nil, mqtt.NotAuthorized
	}
	v.guest.Store(&g)
	return v, mqtt.Success
}

// welcome tells that a guest has something to do in this door's project.
func (d *Door) welcome(g Guest) bool {
	return (g.Project == "" || g.Project == d.cfg.Project) && (g.Role.Valid() || goodOwn(g.Own))
}

// refusal is what a client is told that is not let in.
func refusal(err error) mqtt.ReasonCode {
	switch roost.KindOf(err) {
	case roost.Unauthorized:
		return mqtt.BadUserNameOrPassword
	case roost.Denied:
		return mqtt.NotAuthorized
	case roost.TooMany:
		return mqtt.ConnectionRateExceeded
	case roost.Unavailable:
		return mqtt.ServerUnavailable
	}
	return mqtt.UnspecifiedError
}

// SessionID is the name of a client's session in the broker: sessions of different
// guests never meet, whatever client id they give. NUL is in no client id.
func SessionID(guest any, clientID string) string {
	if v, ok := guest.(*visitor); ok {
		if g := v.guest.Load(); g != nil {
			return clientID + "\x00" + g.ID + "\x00" + g.Own + g.Name
		}
	}
	return clientID
}

// stranger is a client whose door did not ask who it is: it may do nothing.
var stranger = func() *visitor {
	v := new(visitor)
	v.guest.Store(&Guest{})
	return v
}()

func visitorOf(c *broker.Client) *visitor {
	if c != nil {
		if v, ok := c.Guest.(*visitor); ok {
			return v
		}
	}
	return stranger
}

// role is what a program may do; a visitor that may do everything is as an owner.
func (v *visitor) role() roost.Role {
	if v.all {
		return roost.Owner
	}
	if g := v.guest.Load(); g != nil {
		return g.Role
	}
	return ""
}

// by is who asks for a command, for the history.
func (v *visitor) by() string {
	if g := v.guest.Load(); g != nil && g.Name != "" {
		return g.Name
	}
	return "MQTT client"
}

// own is what a thing with a credential calls itself, "" for all others.
func (v *visitor) own() string {
	if g := v.guest.Load(); g != nil {
		return g.Own
	}
	return ""
}

// recheck asks now and then whether those who are here still may be.
func (d *Door) recheck(ctx context.Context) {
	tick := time.NewTicker(d.cfg.Recheck)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			d.recheckAll(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (d *Door) recheckAll(ctx context.Context) {
	if d.cfg.Bound != nil {
		for _, v := range append(d.guests.unclaim(d.cfg.Bound), d.overhearing(d.cfg.Bound)...) {
			d.expel(v)
		}
	}
	d.guests.mu.Lock()
	all := make([]*visitor, 0, len(d.guests.here))
	for v := range d.guests.here {
		all = append(all, v)
	}
	d.guests.mu.Unlock()
	for _, v := range all {
		g := v.guest.Load()
		if g == nil || g.Again == nil || ctx.Err() != nil {
			continue
		}
		now, err := g.Again(ctx)
		kind := roost.KindOf(err)
		switch {
		case err == nil && d.welcome(now) && now.Own == g.Own:
			if now.Again == nil {
				now.Again = g.Again
			}
			v.guest.Store(&now)
		case err == nil, kind == roost.Unauthorized, kind == roost.Denied:
			d.log.Info("MQTT client may not stay", "remote", v.remote, "err", err)
			d.expel(v)
		}
	}
}
