package account

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/roost-iot/roost"
)

const (
	// TokenPrefix begins every token, so that scanners for leaked secrets know it.
	TokenPrefix = "rst_"
	// LocalName is what the machine's own token is called.
	LocalName = "this machine"
	localID   = "local"
)

type cachedToken struct {
	token roost.Token
	actor Actor
}

// NewToken is what AddToken needs.
type NewToken struct {
	Name    string
	Role    roost.Role
	Expires time.Time // zero: never
}

// AddToken makes a token and gives its secret, which nobody can ask for again.
// Needs Own. The token never may more than its maker, not even later.
func (a *Accounts) AddToken(ctx context.Context, actor Actor, project roost.ProjectID, n NewToken) (t roost.Token, secret string, err error) {
	if err := actor.Allowed(project, Own); err != nil {
		return t, "", err
	}
	return a.makeToken(ctx, actor, project, n)
}

// makeToken is AddToken for an actor who may.
func (a *Accounts) makeToken(ctx context.Context, actor Actor, project roost.ProjectID, n NewToken) (t roost.Token, secret string, err error) {
	n.Name = strings.TrimSpace(n.Name)
	if err := checkName("name of the token", n.Name); err != nil {
		return t, "", err
	}
	if err := checkRole(n.Role); err != nil {
		return t, "", err
	}
	if !actor.Role(project).AtLeast(n.Role) {
		return t, "", roost.Errorf(roost.Denied, "A token cannot be %s when its maker is %s.", n.Role, actor.Role(project))
	}
	if !n.Expires.IsZero() && !n.Expires.After(a.now()) {
		return t, "", roost.Errorf(roost.Invalid, "The token would have expired before its first use.")
	}
	secret = newToken()
	t = roost.Token{
		ID: roost.NewID(), Project: project, Hash: secretHash(secret), Name: n.Name, Role: n.Role,
		Person: actor.person, By: actor.Name, Created: a.now(), Expires: n.Expires,
	}
	if err := a.store.SaveToken(ctx, t); err != nil {
		return roost.Token{}, "", err
	}
	return t, secret, a.Audit(ctx, actor, project, "token.add", t.ID, fmt.Sprintf("%s as %s", t.Name, t.Role))
}

// Tokens gives those of a project, oldest first, without the machine's own. Needs View.
func (a *Accounts) Tokens(ctx context.Context, actor Actor, project roost.ProjectID) ([]roost.Token, error) {
	if err := actor.Allowed(project, View); err != nil {
		return nil, err
	}
	all, err := a.store.Tokens(ctx, project)
	if err != nil {
		return nil, err
	}
	shown := all[:0]
	for _, t := range all {
		if !t.Local {
			shown = append(shown, t)
		}
	}
	return shown, nil
}

// RemoveToken ends a token. Needs Own, or that the actor is the person who made it.
func (a *Accounts) RemoveToken(ctx context.Context, actor Actor, project roost.ProjectID, id string) error {
	if err := actor.Allowed(project, Own); err != nil {
		own, failed := a.made(ctx, actor, project, id)
		if failed != nil {
			return failed
		}
		if !own {
			return err
		}
	}
	if id == localID {
		return roost.Errorf(roost.NotFound, "There is no token of that id here.")
	}
	if err := a.store.DeleteToken(ctx, project, id); err != nil {
		return err
	}
	a.tokens.clear()
	return a.Audit(ctx, actor, project, "token.remove", id, "")
}

// LocalToken makes the token by which the command line of this machine gets in
// as owner; the one before it no longer works. main keeps it in a file that
// only the server's user can read.
func (a *Accounts) LocalToken(ctx context.Context) (string, error) {
	secret := newToken()
	err := a.store.SaveToken(ctx, roost.Token{
		ID: localID, Project: roost.Home, Hash: secretHash(secret), Name: LocalName, Role: roost.Owner,
		By: LocalName, Local: true, Created: a.now(),
	})
	a.tokens.clear()
	return secret, err
}

// ByToken gives who a token stands for; roost.Unauthorized when it is unknown,
// removed or expired.
func (a *Accounts) ByToken(ctx context.Context, secret string) (Actor, error) {
	if !strings.HasPrefix(secret, TokenPrefix) {
		return Actor{}, badToken()
	}
	hash, now := secretHash(secret), a.now()
	c, epoch, ok := a.tokens.get(hash)
	if !ok {
		var err error
		if c, err = a.loadToken(ctx, hash); err != nil {
			return Actor{}, err
		}
	}
	if e := c.token.Expires; !e.IsZero() && !now.Before(e) {
		return Actor{}, roost.Errorf(roost.Unauthorized, "This token has expired.")
	}
	if now.Sub(c.token.LastUsed) < seenEvery {
		if !ok {
			a.tokens.put(hash, c, epoch)
		}
		return c.actor, nil
	}
	c.token.LastUsed = now
	a.tokens.put(hash, c, epoch)
	if err := a.store.TouchToken(ctx, hash, now); err != nil {
		a.log.Warn("last use of a token not saved", "err", err)
	}
	return c.actor, nil
}

func (a *Accounts) loadToken(ctx context.Context, hash roost.Secret) (cachedToken, error) {
	t, err := a.store.Token(ctx, hash)
	if err != nil {
		return cachedToken{}, unknownIs(err, badToken())
	}
	if t.Person == "" {
		return cachedToken{t, tokenActor(t, nil)}, nil
	}
	p, err := a.store.Person(ctx, t.Person)
	if err != nil {
		return cachedToken{}, unknownIs(err, badToken())
	}
	return cachedToken{t, tokenActor(t, &p)}, nil
}

func badToken() error {
	return roost.Errorf(roost.Unauthorized, "This token is unknown or was removed.")
}

// newToken gives 160 random bits: "rst_" and 32 characters.
func newToken() string {
	var b [20]byte
	rand.Read(b[:])
	return TokenPrefix + roost.Spell(b[:])
}
