package account

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"slices"
	"strings"

	"github.com/roost-iot/roost"
)

// maxOwn is the longest own id that can be bound, in bytes.
const maxOwn = 128

// AddCredential makes a password for the thing that calls itself own at the MQTT
// doors, and binds it: it may not come back without. Nobody can ask for the password
// again. Needs Operate; roost.Conflict when the thing has one.
func (a *Accounts) AddCredential(ctx context.Context, actor Actor, project roost.ProjectID, own string) (c roost.Credential, password string, err error) {
	if err := actor.Allowed(project, Operate); err != nil {
		return c, "", err
	}
	if err := checkOwn(own); err != nil {
		return c, "", err
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	if err := a.LoadKeys(ctx); err != nil {
		return c, "", err
	}
	if _, bound := a.credential(project, own); bound {
		return c, "", roost.Errorf(roost.Conflict, "%q has a password already; remove that one first.", own)
	}
	var secret [16]byte
	rand.Read(secret[:])
	password = roost.Spell(secret[:])
	c = roost.Credential{
		ID: roost.NewID(), Project: project, Own: own, Hash: secretHash(password), Created: a.now(), By: actor.Name,
	}
	if err := a.store.SaveCredential(ctx, c); err != nil {
		return roost.Credential{}, "", err
	}
	a.keys.mu.Lock()
	a.keys.things[boundID{project, own}] = c
	a.keys.mu.Unlock()
	return c, password, a.Audit(ctx, actor, project, "credential.add", c.ID, own)
}

// checkOwn wants an id that can stand as one level of a topic.
func checkOwn(own string) error {
	switch {
	case own == "":
		return roost.Errorf(roost.Invalid, "Say the id by which the thing calls itself.")
	case len(own) > maxOwn:
		return roost.Errorf(roost.Invalid, "The id of a thing has at most %d bytes here.", maxOwn)
	case strings.ContainsAny(own, "/+#") || strings.ContainsFunc(own, hidden):
		return roost.Errorf(roost.Invalid, "The id of a thing has none of / + # and nothing that cannot be seen.")
	}
	return nil
}

// Credentials gives those of a project, oldest first. Needs View.
func (a *Accounts) Credentials(ctx context.Context, actor Actor, project roost.ProjectID) ([]roost.Credential, error) {
	if err := actor.Allowed(project, View); err != nil {
		return nil, err
	}
	if err := a.LoadKeys(ctx); err != nil {
		return nil, err
	}
	var all []roost.Credential
	a.keys.mu.RLock()
	for _, c := range a.keys.things {
		if c.Project == project {
			all = append(all, c)
		}
	}
	a.keys.mu.RUnlock()
	slices.SortFunc(all, func(x, y roost.Credential) int {
		return cmp.Or(x.Created.Compare(y.Created), cmp.Compare(x.ID, y.ID))
	})
	return all, nil
}

// RemoveCredential frees a thing of its password: it may come without, as any
// stranger. Needs Operate. It gives what was removed.
func (a *Accounts) RemoveCredential(ctx context.Context, actor Actor, project roost.ProjectID, id string) (roost.Credential, error) {
	if err := actor.Allowed(project, Operate); err != nil {
		return roost.Credential{}, err
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	all, err := a.Credentials(ctx, actor, project)
	if err != nil {
		return roost.Credential{}, err
	}
	i := slices.IndexFunc(all, func(c roost.Credential) bool { return c.ID == id })
	if i < 0 {
		return roost.Credential{}, roost.Errorf(roost.NotFound, "There is no credential of that id here.")
	}
	if err := a.store.DeleteCredential(ctx, project, id); err != nil {
		return roost.Credential{}, err
	}
	a.keys.mu.Lock()
	delete(a.keys.things, boundID{project, all[i].Own})
	a.keys.mu.Unlock()
	return all[i], a.Audit(ctx, actor, project, "credential.remove", id, all[i].Own)
}

// credential looks one up in memory.
func (a *Accounts) credential(project roost.ProjectID, own string) (roost.Credential, bool) {
	a.keys.mu.RLock()
	defer a.keys.mu.RUnlock()
	c, ok := a.keys.things[boundID{project, own}]
	return c, ok
}

// Bound gives the id of the credential that a thing must show, "" if it needs none.
// While credentials cannot be read every thing counts as bound, by "?".
func (a *Accounts) Bound(project roost.ProjectID, own string) string {
	if !a.keysLoaded() {
		return "?"
	}
	c, _ := a.credential(project, own)
	return c.ID
}

// CheckCredential lets a thing in by its password; roost.Unauthorized when it has
// none or this is another.
func (a *Accounts) CheckCredential(ctx context.Context, project roost.ProjectID, own, password string) (roost.Credential, error) {
	if !a.keysLoaded() {
		return roost.Credential{}, roost.Errorf(roost.Unavailable, "Passwords of things cannot be read at present.")
	}
	c, bound := a.credential(project, own)
	hash := secretHash(password) // of an unknown one too: the answer takes the same time
	if subtle.ConstantTimeCompare(c.Hash[:], hash[:]) != 1 || !bound {
		return roost.Credential{}, roost.Errorf(roost.Unauthorized, "This thing or its password is unknown here.")
	}
	if now := a.now(); now.Sub(c.LastUsed) >= seenEvery {
		c.LastUsed = now
		a.useCredential(ctx, c)
	}
	return c, nil
}

// useCredential writes down when c was used, unless it was removed meanwhile.
func (a *Accounts) useCredential(ctx context.Context, c roost.Credential) {
	key := boundID{c.Project, c.Own}
	a.keys.mu.Lock()
	there := a.keys.things[key].ID == c.ID
	if there {
		a.keys.things[key] = c
	}
	a.keys.mu.Unlock()
	if !there {
		return
	}
	if err := a.store.TouchCredential(ctx, c.ID, c.LastUsed); err != nil {
		a.log.Warn("last use of a credential not saved", "err", err)
	}
}
