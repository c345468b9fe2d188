package account

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
)

// seenEvery is how often the use of a session or token is written down.
const seenEvery = time.Minute

type cachedSession struct {
	session roost.Session
	actor   Actor
}

// BySession gives who a session's secret stands for; roost.Unauthorized when it
// is unknown or has ended. A session in use costs a query at most once a minute.
func (a *Accounts) BySession(ctx context.Context, secret string) (Actor, error) {
	hash, now := secretHash(secret), a.now()
	c, epoch, ok := a.sessions.get(hash)
	if !ok {
		var err error
		if c, err = a.loadSession(ctx, hash); err != nil {
			return Actor{}, err
		}
	}
	if !now.Before(c.session.Expires) {
		a.sessions.drop(hash)
		return Actor{}, signedOut()
	}
	if stale := now.Sub(c.session.LastSeen) >= seenEvery; !stale && ok {
		return c.actor, nil
	} else if stale {
		c.session.LastSeen, c.session.Expires = now, now.Add(SessionLife)
		a.sessions.put(hash, c, epoch) // first, so that one request writes and not a hundred
		if err := a.store.TouchSession(ctx, c.session); err != nil {
			a.log.Warn("last use of a session not saved", "err", err)
		}
		return c.actor, nil
	}
	a.sessions.put(hash, c, epoch)
	return c.actor, nil
}

func (a *Accounts) loadSession(ctx context.Context, hash roost.Secret) (cachedSession, error) {
	s, err := a.store.Session(ctx, hash)
	if err != nil {
		return cachedSession{}, unknownIs(err, signedOut())
	}
	p, err := a.store.Person(ctx, s.Person)
	if err != nil {
		return cachedSession{}, unknownIs(err, signedOut())
	}
	return cachedSession{s, personActor(p, hash)}, nil
}

// unknownIs puts other in the place of a roost.NotFound.
func unknownIs(err, other error) error {
	if roost.KindOf(err) == roost.NotFound {
		return other
	}
	return err
}

func signedOut() error { return roost.Errorf(roost.Unauthorized, "You are signed out; sign in again.") }

// SignOut ends a session. An unknown one is no error.
func (a *Accounts) SignOut(ctx context.Context, secret string) error {
	hash := secretHash(secret)
	err := a.store.DeleteSession(ctx, hash)
	a.sessions.drop(hash)
	return err
}

// ChangePassword changes the actor's own and ends their other sessions.
func (a *Accounts) ChangePassword(ctx context.Context, actor Actor, current, next, remote string) error {
	if actor.person == "" || actor.Token {
		return roost.Errorf(roost.Denied, "Only a person who is signed in can change their password.")
	}
	p, err := a.store.Person(ctx, actor.ID)
	if err != nil {
		return unknownIs(err, signedOut())
	}
	if err := a.check(ctx, p.Name, p.PasswordHash, current, remote); err != nil {
		if roost.KindOf(err) == roost.Unauthorized {
			return roost.Errorf(roost.Invalid, "The current password is wrong.")
		}
		return err
	}
	if err := a.setPassword(ctx, p.ID, next, actor.session); err != nil {
		return err
	}
	return a.Audit(ctx, actor, roost.Home, "person.password", p.ID, p.Name+" changed their password")
}

// setPassword changes the password of a person and ends their sessions but one.
func (a *Accounts) setPassword(ctx context.Context, id, password string, but roost.Secret) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	p, err := a.store.Person(ctx, id)
	if err != nil {
		return err
	}
	if err := checkPassword(p.Name, password); err != nil {
		return err
	}
	if p.PasswordHash, err = a.hasher.hash(ctx, password); err != nil {
		return err
	}
	if err := a.store.SavePerson(ctx, p); err != nil {
		return err
	}
	defer a.forget()
	return a.store.DeleteSessions(ctx, id, but)
}
