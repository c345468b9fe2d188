package account

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost"
)

// doorKeys are keys of gateways and credentials of things. Doors ask for them at
// every handshake, so they are held in memory; the store has them too.
type doorKeys struct {
	mu       sync.RWMutex
	loaded   bool
	gateways []roost.GatewayKey // all living ones, oldest first; replaced, never changed
	things   map[boundID]roost.Credential
}

// boundID is a thing that a credential binds.
type boundID struct {
	project roost.ProjectID
	own     string
}

// LoadKeys reads keys and credentials. Without it the first who asks does so.
func (a *Accounts) LoadKeys(ctx context.Context) error {
	a.keys.mu.Lock()
	defer a.keys.mu.Unlock()
	if a.keys.loaded {
		return nil
	}
	gateways, err := a.store.GatewayKeys(ctx)
	if err != nil {
		return err
	}
	things, err := a.store.Credentials(ctx)
	if err != nil {
		return err
	}
	a.keys.gateways = slices.DeleteFunc(gateways, func(k roost.GatewayKey) bool { return !k.Revoked.IsZero() })
	a.keys.things = make(map[boundID]roost.Credential, len(things))
	for _, c := range things {
		a.keys.things[boundID{c.Project, c.Own}] = c
	}
	a.keys.loaded = true
	return nil
}

// loadPatience is how long a handshake waits for keys that nobody has asked for yet.
const loadPatience = 5 * time.Second

// keysLoaded makes sure that keys are in memory; false when the store does not give them.
func (a *Accounts) keysLoaded() bool {
	a.keys.mu.RLock()
	loaded := a.keys.loaded
	a.keys.mu.RUnlock()
	if loaded {
		return true
	}
	ctx, stop := context.WithTimeout(context.Background(), loadPatience)
	defer stop()
	if err := a.LoadKeys(ctx); err != nil {
		a.log.Error("keys of gateways and things not read; none of them gets in", "err", err)
		return false
	}
	return true
}

// Keyring gives the keys of all gateways that may come in, of all projects, oldest
// first. It costs no query and no copy: the caller must not change it.
func (a *Accounts) Keyring() []roost.GatewayKey {
	if !a.keysLoaded() {
		return nil
	}
	a.keys.mu.RLock()
	defer a.keys.mu.RUnlock()
	return a.keys.gateways
}

// AddGatewayKey makes a key for a far gateway. Needs Own; roost.Conflict when a
// living key has the name. The key's secrets are not given out again.
func (a *Accounts) AddGatewayKey(ctx context.Context, actor Actor, project roost.ProjectID, name string) (roost.GatewayKey, error) {
	if err := actor.Allowed(project, Own); err != nil {
		return roost.GatewayKey{}, err
	}
	name = strings.TrimSpace(name)
	if err := checkName("name of the gateway", name); err != nil {
		return roost.GatewayKey{}, err
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	if err := a.LoadKeys(ctx); err != nil {
		return roost.GatewayKey{}, err
	}
	for _, k := range a.Keyring() {
		if k.Project == project && roost.NameKey(k.Name) == roost.NameKey(name) {
			return roost.GatewayKey{}, roost.Errorf(roost.Conflict, "There is a key for a gateway named %q already; revoke it first, or choose another name.", k.Name)
		}
	}
	k := roost.GatewayKey{ID: roost.NewID(), Project: project, Name: name, Created: a.now(), By: actor.Name}
	var secret [20]byte
	rand.Read(secret[:])
	k.Secret = roost.Spell(secret[:])
	rand.Read(k.Private[:])
	if err := a.store.SaveGatewayKey(ctx, k); err != nil {
		return roost.GatewayKey{}, err
	}
	a.changeKeyring(func(all []roost.GatewayKey) []roost.GatewayKey { return append(all, k) })
	return k, a.Audit(ctx, actor, project, "gateway.add", k.ID, k.Name)
}

// changeKeyring puts what change makes of a copy in the place of the keyring.
func (a *Accounts) changeKeyring(change func([]roost.GatewayKey) []roost.GatewayKey) {
	a.keys.mu.Lock()
	defer a.keys.mu.Unlock()
	a.keys.gateways = change(slices.Clone(a.keys.gateways))
}

// GatewayKeys gives the living keys of a project, oldest first, without their
// secrets. Needs View.
func (a *Accounts) GatewayKeys(ctx context.Context, actor Actor, project roost.ProjectID) ([]roost.GatewayKey, error) {
	if err := actor.Allowed(project, View); err != nil {
		return nil, err
	}
	if err := a.LoadKeys(ctx); err != nil {
		return nil, err
	}
	var shown []roost.GatewayKey
	for _, k := range a.Keyring() {
		if k.Project == project {
			k.Secret, k.Private = "", [32]byte{}
			shown = append(shown, k)
		}
	}
	return shown, nil
}

// RevokeGatewayKey makes a key good for nothing and forgets its secrets. Needs Own.
// Connections that came by it are the caller's to cut.
func (a *Accounts) RevokeGatewayKey(ctx context.Context, actor Actor, project roost.ProjectID, id string) error {
	if err := actor.Allowed(project, Own); err != nil {
		return err
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	if err := a.LoadKeys(ctx); err != nil {
		return err
	}
	all := a.Keyring()
	i := slices.IndexFunc(all, func(k roost.GatewayKey) bool { return k.ID == id && k.Project == project })
	if i < 0 {
		return roost.Errorf(roost.NotFound, "There is no key of that id here.")
	}
	k := all[i]
	k.Revoked, k.Secret, k.Private = a.now(), "", [32]byte{}
	if err := a.store.SaveGatewayKey(ctx, k); err != nil {
		return err
	}
	a.changeKeyring(func(all []roost.GatewayKey) []roost.GatewayKey {
		return slices.DeleteFunc(all, func(k roost.GatewayKey) bool { return k.ID == id })
	})
	return a.Audit(ctx, actor, project, "gateway.revoke", id, k.Name)
}

// SeeGateway notes that a gateway is here by the key of that id; at most once a
// minute this is written down. Unknown ids are nobody's.
func (a *Accounts) SeeGateway(ctx context.Context, id string) {
	now := a.now()
	due := func(k roost.GatewayKey) bool { return k.ID == id && now.Sub(k.LastSeen) >= seenEvery }
	if !slices.ContainsFunc(a.Keyring(), due) {
		return
	}
	a.changeKeyring(func(all []roost.GatewayKey) []roost.GatewayKey {
		if i := slices.IndexFunc(all, due); i >= 0 {
			all[i].LastSeen = now
		}
		return all
	})
	if err := a.store.TouchGatewayKey(ctx, id, now); err != nil {
		a.log.Warn("last sign of a gateway not saved", "err", err)
	}
}
