package account

import (
	"context"
	"crypto/rand"
	"net/mail"
	"strings"
	"time"

	"github.com/roost-iot/roost"
)

// accountLetters are those of account ids.
const accountLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// accountLength is how many of them an id has: 131 bits.
const accountLength = 22

// newAccount gives a random account id.
func newAccount() string {
	id := make([]byte, 0, accountLength)
	var b [64]byte
	for len(id) < accountLength {
		rand.Read(b[:])
		for _, c := range b {
			if int(c) < 256/len(accountLetters)*len(accountLetters) && len(id) < accountLength { // each letter alike
				id = append(id, accountLetters[int(c)%len(accountLetters)])
			}
		}
	}
	return string(id)
}

// isAccount tells what may be an account id.
func isAccount(s string) bool {
	return len(s) == accountLength && strings.Trim(s, accountLetters) == ""
}

// ByAccount gives the person whose account id a device brought, and the project that
// it joins: Home if they have a role there, else their first. While people cannot be
// read nobody is known.
func (a *Accounts) ByAccount(account string) (p roost.Person, project roost.ProjectID, ok bool) {
	if !isAccount(account) {
		return p, "", false
	}
	ctx, stop := context.WithTimeout(context.Background(), loadPatience)
	defer stop()
	p, err := a.store.PersonByAccount(ctx, account)
	if err != nil {
		if roost.KindOf(err) != roost.NotFound {
			a.log.Error("account of a thing not read", "err", err)
		}
		return roost.Person{}, "", false
	}
	if p.RoleIn(roost.Home).Valid() {
		return p, roost.Home, true
	}
	for of := range p.Roles {
		if project == "" || of < project {
			project = of
		}
	}
	return p, project, project != ""
}

// Self gives the person that the actor is; roost.Denied for a token.
func (a *Accounts) Self(ctx context.Context, actor Actor) (roost.Person, error) {
	if actor.person == "" || actor.Token {
		return roost.Person{}, roost.Errorf(roost.Denied, "Only a person who is signed in has an account.")
	}
	p, err := a.store.Person(ctx, actor.ID)
	return p, unknownIs(err, signedOut())
}

// Profile is what SetProfile changes; what is nil stays.
type Profile struct {
	Email    *string // "" takes it away
	TimeZone *string // of the tz database; "": that of the browser
}

// SetProfile changes the actor's own; roost.Denied for a token.
func (a *Accounts) SetProfile(ctx context.Context, actor Actor, c Profile) (roost.Person, error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	p, err := a.Self(ctx, actor)
	if err != nil {
		return roost.Person{}, err
	}
	was := p
	if c.Email != nil {
		if p.Email, err = checkEmail(*c.Email); err != nil {
			return roost.Person{}, err
		}
	}
	if c.TimeZone != nil {
		if p.TimeZone, err = checkZone(*c.TimeZone); err != nil {
			return roost.Person{}, err
		}
	}
	if p.Email == was.Email && p.TimeZone == was.TimeZone {
		return p, nil
	}
	if err := a.store.SavePerson(ctx, p); err != nil {
		return roost.Person{}, err
	}
	return p, a.Audit(ctx, actor, roost.Home, "person.profile", p.ID, p.Name+" changed their e-mail address or time zone")
}

// maxEmail is the longest e-mail address in bytes (RFC 5321, 4.5.3.1.3).
const maxEmail = 254

func checkEmail(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", nil
	}
	if len(s) > maxEmail {
		return "", roost.Errorf(roost.Invalid, "An e-mail address has at most %d bytes.", maxEmail)
	}
	if at, err := mail.ParseAddress(s); err != nil || at.Address != s || strings.Count(s, "@") != 1 || strings.ContainsFunc(s, hidden) {
		return "", roost.Errorf(roost.Invalid, "%q is no e-mail address; one looks like ada@example.org.", clip(s, 60))
	}
	return s, nil
}

func checkZone(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", nil
	}
	if _, err := time.LoadLocation(s); err != nil || s == "Local" || len(s) > maxName {
		return "", roost.Errorf(roost.Invalid, "There is no time zone %q; they are called like Europe/Rome.", clip(s, 60))
	}
	return s, nil
}

// DeleteSelf deletes the actor with their sessions and tokens; roost.Conflict when
// they are the last owner of a project, roost.Denied for a token.
func (a *Accounts) DeleteSelf(ctx context.Context, actor Actor) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	p, err := a.Self(ctx, actor)
	if err != nil {
		return err
	}
	for project := range p.Roles {
		if err := a.mayLose(ctx, project, p, ""); err != nil {
			return err
		}
	}
	if err := a.store.DeletePerson(ctx, p.ID); err != nil {
		return err
	}
	a.forget()
	return a.Audit(ctx, actor, roost.Home, "person.remove", p.ID, p.Name+" deleted their account")
}

// maxOwnTokens is how many tokens a person who is no owner may have in a project.
const maxOwnTokens = 50

// AddOwnToken makes a token for the actor's own programs, of a role that is at most
// theirs; roost.Denied for a token, roost.Conflict when they have 50.
func (a *Accounts) AddOwnToken(ctx context.Context, actor Actor, project roost.ProjectID, name string, role roost.Role) (t roost.Token, secret string, err error) {
	if err := actor.Allowed(project, View); err != nil {
		return t, "", err
	}
	if actor.Token || actor.person == "" {
		return t, "", roost.Errorf(roost.Denied, "Only a person who is signed in can make themselves a token.")
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	all, err := a.store.Tokens(ctx, project)
	if err != nil {
		return t, "", err
	}
	have := 0
	for _, one := range all {
		if one.Person == actor.person {
			have++
		}
	}
	if have >= maxOwnTokens && actor.Allowed(project, Own) != nil {
		return t, "", roost.Errorf(roost.Conflict, "You have %d tokens already; remove one first.", have)
	}
	return a.makeToken(ctx, actor, project, NewToken{Name: name, Role: role})
}

// made tells whether the actor is the person who made a token.
func (a *Accounts) made(ctx context.Context, actor Actor, project roost.ProjectID, id string) (bool, error) {
	if actor.Token || actor.person == "" || !actor.Role(project).Valid() {
		return false, nil
	}
	all, err := a.store.Tokens(ctx, project)
	for _, t := range all {
		if t.ID == id {
			return t.Person == actor.person, err
		}
	}
	return false, err
}

// SignInAPI gives who a program is that brings a person's account id or name, and
// their password, with each call. Errors are those of SignIn.
func (a *Accounts) SignInAPI(ctx context.Context, user, password, remote string) (Actor, error) {
	p, err := a.personCalled(ctx, user)
	if err != nil && roost.KindOf(err) != roost.NotFound {
		return Actor{}, err
	}
	name := user
	if err == nil {
		name = p.Name // guesses by either word count together
	}
	if err := a.check(ctx, name, p.PasswordHash, password, remote); err != nil {
		return Actor{}, err
	}
	return personActor(p, roost.Secret{}), nil
}

// personCalled finds a person by account id, else by name.
func (a *Accounts) personCalled(ctx context.Context, user string) (roost.Person, error) {
	if isAccount(user) {
		p, err := a.store.PersonByAccount(ctx, user)
		if err == nil || roost.KindOf(err) != roost.NotFound {
			return p, err
		}
	}
	return a.store.PersonNamed(ctx, user)
}
