package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"time"

	"github.com/roost-iot/roost"
)

// SessionLife is how long a session lasts after it was last used.
const SessionLife = 30 * 24 * time.Hour

// SignedIn is a new session.
type SignedIn struct {
	Secret  string // for the cookie; kept nowhere else
	Actor   Actor
	Expires time.Time
}

// setupKey is where the hash of the set-up token stands in the store.
const setupKey = "setup-token"

// NeedsSetup tells that there is nobody yet who owns the server.
func (a *Accounts) NeedsSetup(ctx context.Context) (bool, error) {
	a.ready.Lock()
	defer a.ready.Unlock()
	if a.setUp {
		return false, nil
	}
	people, err := a.store.People(ctx)
	if err != nil {
		return false, err
	}
	a.setUp = owners(people, roost.Home) > 0
	return !a.setUp, nil
}

// SetupToken makes a new one-time token for SetUp; the one before it no longer
// works. roost.Conflict when the server has its owner.
func (a *Accounts) SetupToken(ctx context.Context) (string, error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	if err := a.mustNeedSetup(ctx); err != nil {
		return "", err
	}
	token := newSecret()
	return token, a.store.SaveServerValue(ctx, setupKey, hexHash(token))
}

func (a *Accounts) mustNeedSetup(ctx context.Context) error {
	needs, err := a.NeedsSetup(ctx)
	if err == nil && !needs {
		err = roost.Errorf(roost.Conflict, "This server is set up already; sign in instead.")
	}
	return err
}

// SetUp makes the owner of the server and signs them in. roost.Denied for a
// token that is wrong, replaced or used.
func (a *Accounts) SetUp(ctx context.Context, token, name, password, remote string) (SignedIn, error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	want, err := a.store.ServerValue(ctx, setupKey)
	if err != nil {
		return SignedIn{}, err
	}
	if want == "" || subtle.ConstantTimeCompare([]byte(want), []byte(hexHash(token))) != 1 {
		return SignedIn{}, roost.Errorf(roost.Denied, "This set-up link is not valid any more; the newest one stands in Roost's log.")
	}
	if err := a.mustNeedSetup(ctx); err != nil {
		return SignedIn{}, err
	}
	p, err := a.newPerson(ctx, name, password)
	if err != nil {
		return SignedIn{}, err
	}
	p.Roles = map[roost.ProjectID]roost.Role{roost.Home: roost.Owner}
	if err := a.store.SavePerson(ctx, p); err != nil {
		return SignedIn{}, err
	}
	if err := a.store.SaveServerValue(ctx, setupKey, ""); err != nil {
		return SignedIn{}, err
	}
	in, err := a.open(ctx, p, remote)
	if err != nil {
		return SignedIn{}, err
	}
	return in, a.Audit(ctx, in.Actor, roost.Home, "server.setup", p.ID, p.Name+" owns this server")
}

// SignIn opens a session. roost.Unauthorized for a wrong name or password,
// roost.TooMany (its cause a *Throttled) after too many of them.
func (a *Accounts) SignIn(ctx context.Context, name, password, remote string) (SignedIn, error) {
	p, err := a.store.PersonNamed(ctx, name)
	if err != nil && roost.KindOf(err) != roost.NotFound {
		return SignedIn{}, err
	}
	if err := a.check(ctx, name, p.PasswordHash, password, remote); err != nil {
		return SignedIn{}, err
	}
	if err := a.rehash(ctx, p, password); err != nil {
		a.log.Warn("password not hashed anew", "err", err)
	}
	if err := a.store.ExpireSessions(ctx, a.now()); err != nil {
		return SignedIn{}, err
	}
	return a.open(ctx, p, remote)
}

// check compares a password, takes the same time whether the name exists or
// not, and throttles.
func (a *Accounts) check(ctx context.Context, name, hash, password, remote string) error {
	key, from := clip(roost.NameKey(name), maxName*4), remoteKey(remote)
	place, now := secretHash(key+"@"+from), a.now()
	_, epoch, known := a.known.get(place)
	if known {
		key += "@" + from // strangers who guess elsewhere do not lock them out
	}
	if wait := a.remotes.take(from, now); wait > 0 {
		return tooMany(wait)
	}
	if wait := a.names.take(key, now); wait > 0 {
		a.remotes.giveBack(from)
		return tooMany(wait)
	}
	if len(password) > maxPassword {
		password = password[:maxPassword+1] // never matches: no such password is accepted
	}
	ok, _, err := a.hasher.matches(ctx, hash, password)
	switch {
	case err != nil:
		a.names.giveBack(key)
		a.remotes.giveBack(from)
		return err
	case !ok:
		a.log.Warn("sign-in refused", "remote", remote)
		return roost.Errorf(roost.Unauthorized, "The name or the password is wrong.")
	}
	a.names.forgive(key)
	a.remotes.giveBack(from)
	a.known.put(place, struct{}{}, epoch)
	return nil
}

// rehash renews a hash that was made at another cost than today's.
func (a *Accounts) rehash(ctx context.Context, p roost.Person, password string) error {
	kib, passes, _, _, err := decodeHash(p.PasswordHash)
	if err != nil || (kib == a.hasher.kib && passes == a.hasher.passes) {
		return err
	}
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	now, err := a.store.Person(ctx, p.ID)
	if err != nil || now.PasswordHash != p.PasswordHash {
		return err
	}
	now.PasswordHash = hash
	return a.store.SavePerson(ctx, now)
}

// open makes a session for p.
func (a *Accounts) open(ctx context.Context, p roost.Person, remote string) (SignedIn, error) {
	secret, now := newSecret(), a.now()
	s := roost.Session{
		Hash: secretHash(secret), Person: p.ID, Remote: clip(remote, 64),
		Created: now, LastSeen: now, Expires: now.Add(SessionLife),
	}
	if err := a.store.SaveSession(ctx, s); err != nil {
		return SignedIn{}, err
	}
	return SignedIn{Secret: secret, Actor: personActor(p, s.Hash), Expires: s.Expires}, nil
}

// newSecret gives 32 random bytes as 43 characters that are safe in URLs.
func newSecret() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
