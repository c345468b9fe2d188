package account

import (
	"strings"
	"sync"
	"testing"

	"github.com/roost-iot/roost"
)

func TestRolesDecideInOnePlace(t *testing.T) {
	d := newDesk(t)
	owner := d.owner().Actor
	operator := d.add(owner, "Otto", roost.Operator).Actor
	viewer := d.add(owner, "Vera", roost.Viewer).Actor
	for _, c := range []struct {
		actor Actor
		right Right
		ok    bool
		words string
	}{
		{owner, View, true, ""},
		{owner, Operate, true, ""},
		{owner, Own, true, ""},
		{operator, View, true, ""},
		{operator, Operate, true, ""},
		{operator, Own, false, "Only an owner may do this; you are operator."},
		{viewer, View, true, ""},
		{viewer, Operate, false, "Only an operator may do this; you are viewer."},
		{viewer, Own, false, "Only an owner may do this; you are viewer."},
	} {
		err := c.actor.Allowed(roost.Home, c.right)
		if c.ok != (err == nil) || (err != nil && (roost.KindOf(err) != roost.Denied || roost.Message(err) != c.words)) {
			t.Errorf("%s, right %d: %v", c.actor.Name, c.right, err)
		}
	}
	kind(t, "another project", operator.Allowed("lab", View), roost.Denied, `a viewer of project "lab"`, "no role")
	kind(t, "nobody", Actor{}.Allowed(roost.Home, View), roost.Unauthorized)
	kind(t, "an unknown right", operator.Allowed(roost.Home, 99), roost.Denied)
	kind(t, "no right", operator.Allowed(roost.Home, 0), roost.Denied)
}

func TestOnlyOwnersChangePeople(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	owner := d.owner().Actor
	viewer := d.add(owner, "Vera", roost.Viewer).Actor
	up, password := roost.Owner, pass
	_, err := d.AddPerson(ctx, viewer, roost.Home, NewPerson{"Eve", pass, roost.Owner})
	kind(t, "add", err, roost.Denied)
	_, err = d.ChangePerson(ctx, viewer, roost.Home, viewer.ID, PersonChange{Role: &up})
	kind(t, "promote oneself", err, roost.Denied)
	_, err = d.ChangePerson(ctx, viewer, roost.Home, owner.ID, PersonChange{Password: &password})
	kind(t, "reset the owner", err, roost.Denied)
	kind(t, "remove", d.RemovePerson(ctx, viewer, roost.Home, owner.ID), roost.Denied)
	_, _, err = d.AddToken(ctx, viewer, roost.Home, NewToken{Name: "x", Role: roost.Viewer})
	kind(t, "token", err, roost.Denied)
	_, err = d.AuditLog(ctx, viewer, roost.Home, 0, 0)
	kind(t, "audit log", err, roost.Denied)
	people, err := d.People(ctx, viewer, roost.Home)
	if err != nil || len(people) != 2 {
		t.Errorf("a viewer sees %v (%v), want two people", people, err)
	}
}

func TestNamesAndPasswordsOfNewPeople(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	owner := d.owner().Actor
	for _, c := range []struct {
		n     NewPerson
		k     roost.ErrorKind
		words string
	}{
		{NewPerson{"ADA", pass, roost.Viewer}, roost.Conflict, `"ADA"`},
		{NewPerson{" \t", pass, roost.Viewer}, roost.Invalid, "empty"},
		{NewPerson{strings.Repeat("é", 65), pass, roost.Viewer}, roost.Invalid, "64"},
		{NewPerson{"a\x00b", pass, roost.Viewer}, roost.Invalid, "cannot be seen"},
		{NewPerson{"a\u202eb", pass, roost.Viewer}, roost.Invalid, "cannot be seen"},
		{NewPerson{"Bob", "éééééééé9", roost.Viewer}, roost.Invalid, "at least 10"},
		{NewPerson{"Bartholomew", "bartholomeW", roost.Viewer}, roost.Invalid, "must not be the name"},
		{NewPerson{"Bob", pass, "admin"}, roost.Invalid, `"admin"`},
		{NewPerson{"Bob", pass, ""}, roost.Invalid, "role"},
	} {
		_, err := d.AddPerson(ctx, owner, roost.Home, c.n)
		kind(t, c.n.Name, err, c.k, c.words)
	}
	_, err := d.AddPerson(ctx, owner, "nowhere", NewPerson{"Bob", pass, roost.Viewer})
	kind(t, "no such project", err, roost.NotFound)
	if p, err := d.AddPerson(ctx, owner, roost.Home, NewPerson{strings.Repeat("é", 64), "éééééééé90", roost.Viewer}); err != nil || p.ID == "" {
		t.Errorf("the longest name and the shortest password: %v", err)
	}
}

func TestLastOwnerStays(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	ada := d.owner()
	down, up := roost.Viewer, roost.Owner
	_, err := d.ChangePerson(ctx, ada.Actor, roost.Home, ada.Actor.ID, PersonChange{Role: &down})
	kind(t, "demote the last owner", err, roost.Conflict, "Ada", "last owner")
	kind(t, "remove the last owner", d.RemovePerson(ctx, ada.Actor, roost.Home, ada.Actor.ID), roost.Conflict)

	bob := d.add(ada.Actor, "Bob", roost.Viewer)
	if p, err := d.ChangePerson(ctx, ada.Actor, roost.Home, bob.Actor.ID, PersonChange{Role: &up}); err != nil || p.RoleIn(roost.Home) != up {
		t.Fatalf("promote bob: %v, %v", p.Roles, err)
	}
	actor, err := d.BySession(ctx, bob.Secret)
	if err != nil || actor.Allowed(roost.Home, Own) != nil {
		t.Errorf("bob's open session is not owner's (%v)", err)
	}
	must(t, d.RemovePerson(ctx, actor, roost.Home, ada.Actor.ID))
	_, err = d.BySession(ctx, ada.Secret)
	kind(t, "the session of who was removed", err, roost.Unauthorized)
	_, err = d.SignIn(ctx, "Ada", pass, remote)
	kind(t, "signing in when removed", err, roost.Unauthorized)
	kind(t, "removing again", d.RemovePerson(ctx, actor, roost.Home, ada.Actor.ID), roost.NotFound)
}

// Owners in a ring of whom each removes the next at once: one stays.
func TestOwnersCannotRemoveEachOtherAtOnce(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	ring := []Actor{d.owner().Actor}
	for _, name := range []string{"Bob", "Cyd", "Dan", "Eve", "Fay", "Gus", "Hal"} {
		ring = append(ring, d.add(ring[0], name, roost.Owner).Actor)
	}
	var all sync.WaitGroup
	start := make(chan struct{})
	for i, actor := range ring {
		all.Go(func() {
			<-start
			_ = d.RemovePerson(ctx, actor, roost.Home, ring[(i+1)%len(ring)].ID)
		})
	}
	close(start)
	all.Wait()
	people, err := d.store.People(ctx)
	if err != nil || owners(people, roost.Home) != 1 {
		t.Errorf("owners left: %v (%v), want one", people, err)
	}
}

func TestOwnerResetsAPassword(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	owner := d.owner().Actor
	vera := d.add(owner, "Vera", roost.Viewer)
	next := "next password"
	_, err := d.ChangePerson(ctx, owner, roost.Home, vera.Actor.ID, PersonChange{Password: &next})
	must(t, err)
	_, err = d.BySession(ctx, vera.Secret)
	kind(t, "her session", err, roost.Unauthorized)
	_, err = d.SignIn(ctx, "Vera", next, remote)
	must(t, err)
}

// An owner of one project cannot take over somebody who is more elsewhere.
func TestResetNeedsEveryProjectOfThePerson(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	owner := d.owner().Actor
	must(t, d.store.SaveProject(ctx, roost.Project{ID: "lab", Name: "Lab", Created: d.clock()}))
	boss, err := d.AddPerson(ctx, owner, "lab", NewPerson{"Boss", pass, roost.Owner})
	must(t, err)
	in, err := d.SignIn(ctx, "Boss", pass, remote)
	must(t, err)
	vera := d.add(owner, "Vera", roost.Viewer).Actor
	p, err := d.store.Person(ctx, vera.ID)
	must(t, err)
	p.Roles["lab"] = roost.Viewer
	must(t, d.store.SavePerson(ctx, p))
	next := "next password"
	_, err = d.ChangePerson(ctx, in.Actor, "lab", vera.ID, PersonChange{Password: &next})
	kind(t, "reset by the owner of one of two projects", err, roost.Denied)
	kind(t, "the owner of lab at home", in.Actor.Allowed(roost.Home, View), roost.Denied)
	kind(t, "removing an owner of the server from lab", d.RemovePerson(ctx, in.Actor, "lab", owner.ID), roost.Conflict)
	must(t, d.RemovePerson(ctx, in.Actor, "lab", vera.ID))
	if p, err := d.store.Person(ctx, vera.ID); err != nil || len(p.Roles) != 1 {
		t.Errorf("vera's roles %v (%v), want the one at home", p.Roles, err)
	}
	if boss.RoleIn(roost.Home) != "" {
		t.Error("the owner of lab has a role at home")
	}
}

func TestChangesAreAudited(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	owner := d.owner().Actor
	vera := d.add(owner, "Vera", roost.Viewer).Actor
	up, password := roost.Operator, "another password"
	_, err := d.ChangePerson(ctx, owner, roost.Home, vera.ID, PersonChange{Role: &up, Password: &password})
	must(t, err)
	token, _, err := d.AddToken(ctx, owner, roost.Home, NewToken{Name: "ci", Role: roost.Viewer})
	must(t, err)
	must(t, d.RemoveToken(ctx, owner, roost.Home, token.ID))
	must(t, d.RemovePerson(ctx, owner, roost.Home, vera.ID))
	must(t, d.Audit(ctx, owner, "", "thing.approve", "n1", strings.Repeat("é", 1000)))
	log, err := d.AuditLog(ctx, owner, roost.Home, 0, 0)
	must(t, err)
	var acts []string
	for _, e := range log {
		acts = append(acts, e.Act)
		if e.Who != "Ada" || e.WhoID != owner.ID || !e.At.Equal(d.clock()) {
			t.Errorf("entry %+v, want one by Ada now", e)
		}
	}
	want := "thing.approve person.remove token.remove token.add person.password person.role person.add server.setup"
	if got := strings.Join(acts, " "); got != want {
		t.Errorf("acts\n%s\nwant\n%s", got, want)
	}
	for _, e := range log {
		if strings.Contains(e.Detail, password) || strings.Contains(e.Detail, TokenPrefix) {
			t.Errorf("a secret stands in the log: %q", e.Detail)
		}
	}
}
