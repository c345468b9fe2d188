package account

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

func (d *desk) self(a Actor) roost.Person {
	d.t.Helper()
	p, err := d.Self(d.t.Context(), a)
	must(d.t, err)
	return p
}

func TestEverybodyHasAnAccountID(t *testing.T) {
	d := newDesk(t)
	owner := d.owner().Actor
	viewer := d.add(owner, "Vera", roost.Viewer).Actor
	ada, vera := d.self(owner), d.self(viewer)
	for _, p := range []roost.Person{ada, vera} {
		if !regexp.MustCompile(`^[A-Za-z0-9]{22}$`).MatchString(p.Account) {
			t.Errorf("%s has the account id %q", p.Name, p.Account)
		}
	}
	if ada.Account == vera.Account {
		t.Error("two people of one account id")
	}
	d.restart()
	p, project, ok := d.ByAccount(vera.Account)
	if !ok || p.ID != vera.ID || project != roost.Home {
		t.Errorf("by account: %v, %q, %v", p, project, ok)
	}
	for _, bad := range []string{"", "Vera", vera.ID, strings.ToLower(vera.Account) + "x", strings.Repeat("A", 22), vera.Account[:21] + "-"} {
		if p, _, ok := d.ByAccount(bad); ok {
			t.Errorf("%q is the account of %s", bad, p.Name)
		}
	}
}

func TestAccountBelongsToHomeOrTheFirstProject(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	owner := d.owner().Actor
	p := d.self(d.add(owner, "Vera", roost.Viewer).Actor)
	must(t, d.store.SaveProject(ctx, roost.Project{ID: "lab", Name: "Lab"}))
	must(t, d.store.SaveProject(ctx, roost.Project{ID: "barn", Name: "Barn"}))
	for _, c := range []struct {
		roles map[roost.ProjectID]roost.Role
		want  roost.ProjectID
	}{
		{map[roost.ProjectID]roost.Role{"lab": roost.Owner, roost.Home: roost.Viewer}, roost.Home},
		{map[roost.ProjectID]roost.Role{"lab": roost.Owner, "barn": roost.Viewer}, "barn"},
		{nil, ""},
	} {
		p.Roles = c.roles
		must(t, d.store.SavePerson(ctx, p))
		if _, project, ok := d.ByAccount(p.Account); project != c.want || ok != (c.want != "") {
			t.Errorf("%v: project %q, %v", c.roles, project, ok)
		}
	}
}

func TestProfile(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	owner := d.owner().Actor
	viewer := d.add(owner, "Vera", roost.Viewer).Actor
	set := func(email, zone *string) error {
		_, err := d.SetProfile(ctx, viewer, Profile{email, zone})
		return err
	}
	text := func(s string) *string { return &s }
	must(t, set(text(" vera@example.org "), text("Europe/Rome")))
	d.restart()
	if p := d.self(viewer); p.Email != "vera@example.org" || p.TimeZone != "Europe/Rome" || !p.Roles[roost.Home].Valid() {
		t.Errorf("%+v", p)
	}
	for _, bad := range []string{"vera", "@", "a@", "@b", "a@b@c", "a b@c.org", "Vera <vera@example.org>", "a@b\n.org", strings.Repeat("x", 250) + "@x.org"} {
		kind(t, bad, set(&bad, nil), roost.Invalid, "e-mail")
	}
	for _, bad := range []string{"Rome", "Local", "../etc/passwd", "Europe/Rome/x", strings.Repeat("Z", 300)} {
		kind(t, bad, set(nil, &bad), roost.Invalid, "time zone")
	}
	kind(t, "one of two is bad", set(text("new@example.org"), text("Rome")), roost.Invalid)
	must(t, set(nil, text("")))
	if p := d.self(viewer); p.Email != "vera@example.org" || p.TimeZone != "" {
		t.Errorf("%+v", p)
	}
	_, secret, err := d.AddToken(ctx, owner, roost.Home, NewToken{Name: "x", Role: roost.Owner})
	must(t, err)
	token, err := d.ByToken(ctx, secret)
	must(t, err)
	_, err = d.SetProfile(ctx, token, Profile{})
	kind(t, "a token", err, roost.Denied)
	_, err = d.SetProfile(ctx, Actor{}, Profile{})
	kind(t, "nobody", err, roost.Denied)
}

func TestPeopleDeleteThemselvesButNotTheLastOwner(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	owner := d.owner().Actor
	in := d.add(owner, "Vera", roost.Viewer)
	_, secret, err := d.AddOwnToken(ctx, in.Actor, roost.Home, "script", roost.Viewer)
	must(t, err)
	kind(t, "the last owner", d.DeleteSelf(ctx, owner), roost.Conflict, "last owner")
	token, err := d.ByToken(ctx, secret)
	must(t, err)
	kind(t, "a token", d.DeleteSelf(ctx, token), roost.Denied)
	must(t, d.DeleteSelf(ctx, in.Actor))
	_, err = d.BySession(ctx, in.Secret)
	kind(t, "their session", err, roost.Unauthorized)
	_, err = d.ByToken(ctx, secret)
	kind(t, "their token", err, roost.Unauthorized)
	kind(t, "again", d.DeleteSelf(ctx, in.Actor), roost.Unauthorized)
	second := d.add(owner, "Otto", roost.Owner).Actor
	must(t, d.DeleteSelf(ctx, owner))
	kind(t, "now Otto is the last", d.DeleteSelf(ctx, second), roost.Conflict)
}

func TestOwnTokensAreOfTheOwnRoleAtMost(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	owner := d.owner().Actor
	viewer, other := d.add(owner, "Vera", roost.Viewer).Actor, d.add(owner, "Walt", roost.Viewer).Actor
	_, _, err := d.AddOwnToken(ctx, viewer, roost.Home, "script", roost.Operator)
	kind(t, "more than oneself", err, roost.Denied)
	_, _, err = d.AddOwnToken(ctx, viewer, roost.Home, "", roost.Viewer)
	kind(t, "no name", err, roost.Invalid)
	_, _, err = d.AddOwnToken(ctx, viewer, "lab", "script", roost.Viewer)
	kind(t, "another project", err, roost.Denied)
	made, secret, err := d.AddOwnToken(ctx, viewer, roost.Home, "script", roost.Viewer)
	must(t, err)
	token, err := d.ByToken(ctx, secret)
	must(t, err)
	if token.Role(roost.Home) != roost.Viewer {
		t.Errorf("the token is %s", token.Role(roost.Home))
	}
	_, _, err = d.AddOwnToken(ctx, token, roost.Home, "child", roost.Viewer)
	kind(t, "by a token", err, roost.Denied)
	kind(t, "removed by another viewer", d.RemoveToken(ctx, other, roost.Home, made.ID), roost.Denied)
	kind(t, "removed by itself", d.RemoveToken(ctx, token, roost.Home, made.ID), roost.Denied)
	must(t, d.RemoveToken(ctx, viewer, roost.Home, made.ID))
	_, err = d.ByToken(ctx, secret)
	kind(t, "removed", err, roost.Unauthorized)
	for range maxOwnTokens {
		_, _, err := d.AddOwnToken(ctx, viewer, roost.Home, "script", roost.Viewer)
		must(t, err)
	}
	_, _, err = d.AddOwnToken(ctx, viewer, roost.Home, "script", roost.Viewer)
	kind(t, "too many", err, roost.Conflict)
}

func TestProgramsSignInWithAccountIDOrName(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	owner := d.owner().Actor
	vera := d.self(d.add(owner, "Vera", roost.Operator).Actor)
	for _, user := range []string{vera.Account, "vera"} {
		a, err := d.SignInAPI(ctx, user, pass, remote)
		must(t, err)
		if a.ID != vera.ID || a.Role(roost.Home) != roost.Operator {
			t.Errorf("%s came in as %+v", user, a)
		}
	}
	var throttled *Throttled
	for i := range 7 { // by turns: they are one person's
		_, err := d.SignInAPI(ctx, []string{vera.Account, "Vera"}[i%2], "wrong", "192.0.2.99")
		if i == 0 {
			kind(t, "wrong password", err, roost.Unauthorized)
		}
		if errors.As(err, &throttled) {
			break
		}
	}
	if throttled == nil {
		t.Error("guesses are not slowed down")
	}
	d.later(time.Hour)
	_, err := d.SignInAPI(ctx, strings.Repeat("A", 22), pass, remote)
	kind(t, "an unknown account", err, roost.Unauthorized)
	_, err = d.SignInAPI(ctx, "", "", remote)
	kind(t, "nothing", err, roost.Unauthorized)
}
