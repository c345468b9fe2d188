package pyaiot

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pyaiot"
	"github.com/roost-iot/roost/wire/websocket"
)

// NamedKey is a gateway's key, with the ID by which Expel knows it.
type NamedKey = wire.NamedKey

// GatewayStatus is what people see of a foreign gateway.
type GatewayStatus struct {
	Key       string // ID of its key
	Name      string
	Project   roost.ProjectID
	Connected bool
	Since     time.Time // when Connected last changed
	Remote    string
	Things    int       // that it has announced
	LastSeen  time.Time // now, while it is connected
	LastError string    // why its connection ended
}

// lineKey tells gateways apart that are away.
type lineKey struct{ key, name string }

const (
	// maxAway bounds what is remembered of gateways that are gone.
	maxAway = 1000
	// codeRevoked closes the connection of a gateway whose key was revoked.
	codeRevoked = websocket.Policy
)

// errRevoked ends connections whose key does not let in any more.
var errRevoked = roost.Errorf(roost.Unauthorized, "The key of this gateway was revoked.")

// Gateways lists foreign gateways: those that are connected, then those that were.
func (d *Door) Gateways() []GatewayStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]GatewayStatus, 0, len(d.fars)+len(d.away))
	for g := range d.fars {
		list = append(list, g.status())
	}
	for _, s := range d.away {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b GatewayStatus) int {
		if a.Connected != b.Connected {
			if a.Connected {
				return -1
			}
			return 1
		}
		if by := strings.Compare(a.Name, b.Name); by != 0 {
			return by
		}
		return strings.Compare(a.Remote, b.Remote)
	})
	return list
}

func (g *far) status() GatewayStatus {
	return GatewayStatus{
		Key: g.key.ID, Name: g.name, Project: g.project, Connected: true, Since: g.since,
		Remote: g.remote, Things: int(g.things.Load()), LastSeen: time.Now(),
	}
}

// Expel ends the connections of a key at once and forgets what they were. It
// returns when they have been told.
func (d *Door) Expel(keyID string) {
	d.mu.Lock()
	var all []*far
	for g := range d.fars {
		if g.key.ID == keyID {
			all = append(all, g)
		}
	}
	for k := range d.away {
		if k.key == keyID {
			delete(d.away, k)
		}
	}
	d.mu.Unlock()
	var told sync.WaitGroup
	for _, g := range all {
		told.Go(g.expel)
	}
	told.Wait()
}

func (g *far) expel() {
	g.expelled.Store(true)
	g.conn.Interrupt(codeRevoked, "The key of this gateway was revoked.", farewell)
}

// enlist makes g known. A key that was revoked since it was shown lets nobody in.
func (d *Door) enlist(g *far) {
	d.mu.Lock()
	d.fars[g] = struct{}{}
	delete(d.away, lineKey{g.key.ID, g.name})
	d.mu.Unlock()
	if !slices.ContainsFunc(d.keyring(), func(k wire.NamedKey) bool { return k.ID == g.key.ID }) {
		g.expel()
	}
}

// delist remembers what g was.
func (d *Door) delist(g *far, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.fars, g)
	if g.expelled.Load() || len(d.away) >= maxAway {
		return
	}
	s := g.status()
	s.Connected, s.Since = false, s.LastSeen
	if err != nil {
		s.LastError = err.Error()
	}
	d.away[lineKey{g.key.ID, g.name}] = s
}
