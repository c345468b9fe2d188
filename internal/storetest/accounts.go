package storetest

import (
	"testing"

	"github.com/roost-iot/roost"
)

func ada() roost.Person {
	return roost.Person{
		ID: "p1", Name: "Ada", Account: "aaaaaaaaaaBBBBBBBBBB12", PasswordHash: "$argon2id$", Created: t0,
		Roles: map[roost.ProjectID]roost.Role{roost.Home: roost.Owner},
	}
}

func bob() roost.Person {
	return roost.Person{ID: "p2", Name: "Böb", PasswordHash: "x", Created: after(1)}
}

func testPeople(t *testing.T, b *bench) {
	ctx := t.Context()
	b.addOther()
	a, o := ada(), bob()
	o.Roles = map[roost.ProjectID]roost.Role{roost.Home: roost.Viewer, other: roost.Operator}
	b.must(b.SavePerson(ctx, a))
	b.must(b.SavePerson(ctx, o))
	b.reopen()
	same(t, "people, oldest first", get(b.People(ctx))(t), []roost.Person{a, o})
	same(t, "by id", get(b.Person(ctx, "p2"))(t), o)
	same(t, "by name, whatever the case", get(b.PersonNamed(ctx, "bÖB"))(t), o)
	b.kind(second(b.Person(ctx, "nope")), roost.NotFound)
	b.kind(second(b.PersonNamed(ctx, "nope")), roost.NotFound)
	same(t, "by account id", get(b.PersonByAccount(ctx, a.Account))(t), a)
	for _, id := range []string{"", "aaaaaaaaaabbbbbbbbbb12", "p1", "Ada"} { // bob has none
		b.kind(second(b.PersonByAccount(ctx, id)), roost.NotFound)
	}

	twin := roost.Person{ID: "p3", Name: "ADA", Created: t0}
	b.kind(b.SavePerson(ctx, twin), roost.Conflict)
	a.Name, a.PasswordHash, a.Roles = "Ada L", "new", nil
	a.Account, a.Email, a.TimeZone = "cccccccccccccccccccccc", "ada@example.org", "Europe/Rome"
	b.must(b.SavePerson(ctx, a))
	same(t, "changed", get(b.Person(ctx, "p1"))(t), a)
	b.must(b.SavePerson(ctx, twin))

	o.Roles = map[roost.ProjectID]roost.Role{"nowhere": roost.Owner}
	b.kind(b.SavePerson(ctx, o), roost.NotFound)
	if roles := get(b.Person(ctx, "p2"))(t).Roles; len(roles) != 2 {
		t.Errorf("roles %v after a save that failed, want the two before it", roles)
	}
	b.must(b.DeletePerson(ctx, "p2"))
	b.kind(second(b.Person(ctx, "p2")), roost.NotFound)
}

func session(n byte, person string, at int) roost.Session {
	return roost.Session{
		Hash: roost.Secret{n, 1, 2}, Person: person, Remote: "192.0.2.1",
		Created: after(at), LastSeen: after(at), Expires: after(at + 100),
	}
}

func testSessions(t *testing.T, b *bench) {
	ctx := t.Context()
	b.must(b.SavePerson(ctx, ada()))
	b.must(b.SavePerson(ctx, bob()))
	s1, s2, s3, s4 := session(1, "p1", 0), session(2, "p1", 1), session(3, "p1", 2), session(4, "p2", 3)
	for _, s := range []roost.Session{s1, s2, s3, s4} {
		b.must(b.SaveSession(ctx, s))
	}
	s1.LastSeen, s1.Expires = after(50), after(500)
	b.must(b.TouchSession(ctx, s1))
	b.must(b.TouchSession(ctx, session(9, "p2", 900))) // not there: nothing happens
	b.reopen()
	same(t, "a touched session", get(b.Session(ctx, s1.Hash))(t), s1)
	same(t, "ada was last seen", get(b.Person(ctx, "p1"))(t).LastSeen, after(50))
	same(t, "bob was last seen", get(b.Person(ctx, "p2"))(t).LastSeen, after(3))
	b.kind(second(b.Session(ctx, roost.Secret{9})), roost.NotFound)
	b.kind(b.SaveSession(ctx, session(8, "nobody", 0)), roost.NotFound)

	b.must(b.DeleteSession(ctx, s2.Hash))
	b.must(b.DeleteSession(ctx, s2.Hash))
	b.must(b.ExpireSessions(ctx, s3.Expires))
	b.kind(second(b.Session(ctx, s2.Hash)), roost.NotFound)
	b.kind(second(b.Session(ctx, s3.Hash)), roost.NotFound)
	b.must(second(b.Session(ctx, s4.Hash)))

	b.must(b.SaveSession(ctx, s2))
	b.must(b.DeleteSessions(ctx, "p1", s2.Hash))
	b.kind(second(b.Session(ctx, s1.Hash)), roost.NotFound)
	b.must(second(b.Session(ctx, s2.Hash)))
	b.must(b.DeleteSessions(ctx, "p1", roost.Secret{}))
	b.kind(second(b.Session(ctx, s2.Hash)), roost.NotFound)
	b.must(b.DeletePerson(ctx, "p2"))
	b.kind(second(b.Session(ctx, s4.Hash)), roost.NotFound)
}

func testTokens(t *testing.T, b *bench) {
	ctx := t.Context()
	b.must(b.SavePerson(ctx, ada()))
	ci := roost.Token{
		ID: "t1", Project: roost.Home, Hash: roost.Secret{1}, Name: "ci", Role: roost.Operator, Person: "p1", By: "Ada",
		Created: t0, Expires: after(99),
	}
	local := roost.Token{ID: "local", Project: roost.Home, Hash: roost.Secret{2}, Name: "this machine", Role: roost.Owner, By: "x", Local: true, Created: after(1)}
	b.must(b.SaveToken(ctx, ci))
	b.must(b.SaveToken(ctx, local))
	local.Hash = roost.Secret{3}
	b.must(b.SaveToken(ctx, local))
	ci.LastUsed = after(7)
	b.must(b.TouchToken(ctx, ci.Hash, ci.LastUsed))
	b.must(b.TouchToken(ctx, roost.Secret{77}, after(8)))
	b.reopen()
	same(t, "tokens, oldest first", get(b.Tokens(ctx, roost.Home))(t), []roost.Token{ci, local})
	same(t, "by hash", get(b.Token(ctx, local.Hash))(t), local)
	b.kind(second(b.Token(ctx, roost.Secret{2})), roost.NotFound)
	bad := ci
	bad.ID, bad.Hash, bad.Person = "t9", roost.Secret{9}, "nobody"
	b.kind(b.SaveToken(ctx, bad), roost.NotFound)

	second := roost.Token{ID: "t2", Project: roost.Home, Hash: roost.Secret{5}, Name: "ci", Role: roost.Viewer, Person: "p1", Created: after(2)}
	b.must(b.SaveToken(ctx, second))
	b.must(b.DeleteToken(ctx, roost.Home, "t1"))
	b.kind(b.DeleteToken(ctx, roost.Home, "t1"), roost.NotFound)
	b.must(b.DeletePerson(ctx, "p1"))
	same(t, "tokens left when their maker is gone", get(b.Tokens(ctx, roost.Home))(t), []roost.Token{local})
}

func testAudit(t *testing.T, b *bench) {
	ctx := t.Context()
	var want []roost.AuditEntry
	for i, act := range []string{"thing.approve", "thing.rename", "person.add"} {
		e := roost.AuditEntry{Project: roost.Home, At: after(i), Who: "Ada", WhoID: "p1", Act: act, Object: "n1", Detail: "d"}
		b.must(b.SaveAudit(ctx, e))
		want = append([]roost.AuditEntry{e}, want...)
	}
	b.reopen()
	got := get(b.AuditLog(ctx, roost.Home, 0, 10))(t)
	if len(got) != 3 || got[0].ID <= got[1].ID || got[1].ID <= got[2].ID || got[2].ID <= 0 {
		t.Fatalf("entries %v, want three with rising ids", got)
	}
	for i := range got {
		want[i].ID = got[i].ID
	}
	same(t, "newest first", got, want)
	same(t, "the newest", get(b.AuditLog(ctx, roost.Home, 0, 1))(t), want[:1])
	same(t, "before the second", get(b.AuditLog(ctx, roost.Home, want[1].ID, 10))(t), want[2:])
	b.kind(b.SaveAudit(ctx, roost.AuditEntry{Project: "nowhere"}), roost.NotFound)
}
