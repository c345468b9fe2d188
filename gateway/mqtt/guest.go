package mqtt

import (
	"context"
	"net"
	"sync"
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

// guests are the connections, and which of the anonymous ones speaks for which id.
type guests struct {
	mu     sync.Mutex
	here   map[*visitor]struct{}
	names  map[string]*visitor // by session
	claims map[string]*visitor // by what things call themselves
}

func (g *guests) init() {
	g.here, g.names, g.claims = map[*visitor]struct{}{}, map[string]*visitor{}, map[string]*visitor{}
}

func (g *guests) come(v *visitor, c *broker.Client) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v != stranger {
		v.client = c
		g.here[v] = struct{}{}
		g.names[c.ID] = v
	}
}

// has tells whether somebody is connected with a session.
func (g *guests) has(session string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.names[session] != nil
}

func (g *guests) leave(v *visitor) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v == stranger {
		return
	}
	delete(g.here, v)
	if v.client != nil && g.names[v.client.ID] == v {
		delete(g.names, v.client.ID)
	}
	v.left.Store(true)
	for own := range v.claims {
		if g.claims[own] == v {
			delete(g.claims, own)
		}
	}
	v.claims = nil
}

// claim makes v the one that speaks for an id, unless another living connection does:
// only one from the same machine gives way, whose end may not have been noticed yet.
func (g *guests) claim(v *visitor, own string, most int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	holder := g.claims[own]
	switch {
	case holder == v:
		return true
	case v.left.Load(): // its last will
		return holder == nil || host(holder.remote) == host(v.remote)
	case holder != nil && host(holder.remote) != host(v.remote), len(v.claims) >= most:
		return false
	case holder != nil:
		delete(holder.claims, own)
	}
	if v.claims == nil {
		v.claims = map[string]struct{}{}
	}
	v.claims[own] = struct{}{}
	g.claims[own] = v
	return true
}

// unclaim takes back the claims on ids that are bound to a credential by now, and
// gives who had them: what they have subscribed to is no longer theirs.
func (g *guests) unclaim(bound func(own string) bool) (had []*visitor) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for own, v := range g.claims {
		if bound(own) {
			delete(g.claims, own)
			delete(v.claims, own)
			had = append(had, v)
		}
	}
	return had
}

// Rebound cuts who is here by an id that was just given a password, or freed of it:
// they may come back by the new rule.
func (d *Door) Rebound(own string) {
	had := d.guests.unclaim(func(o string) bool { return o == own })
	d.guests.mu.Lock()
	for v := range d.guests.here {
		if v.own() == own {
			had = append(had, v)
		}
	}
	d.guests.mu.Unlock()
	for _, v := range had {
		d.expel(v)
	}
}

func host(remote string) string {
	if h, _, err := net.SplitHostPort(remote); err == nil {
		return h
	}
	return remote
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
		for _, v := range d.guests.unclaim(d.cfg.Bound) {
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
