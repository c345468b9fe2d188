package storetest

import (
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

func sample(ref roost.Ref, id string, created time.Time) roost.Command {
	return roost.Command{
		ID: id, Ref: ref, Kind: roost.Set, Resource: "led", Value: `"1"`, State: roost.Queued, By: "ada",
		Created: created, Expires: created.Add(time.Minute),
	}
}

func testCommands(t *testing.T, b *bench) {
	ctx := t.Context()
	a, z, c := sample(home("n1"), "a", after(1)), sample(home("n1"), "z", after(1)), sample(home("n2"), "c", after(0))
	for _, s := range []roost.Command{a, z, c} {
		b.must(b.SaveCommand(ctx, s))
	}
	z.State, z.Sent = roost.Sent, after(2)
	b.must(b.SaveCommand(ctx, z))
	b.reopen()
	same(t, "open, oldest first", get(b.OpenCommands(ctx))(t), []roost.Command{c, a, z})
	same(t, "of one thing, newest first", get(b.Commands(ctx, home("n1"), 50))(t), []roost.Command{z, a})
	same(t, "the newest", get(b.Commands(ctx, home("n1"), 1))(t), []roost.Command{z})
	for _, end := range []roost.CommandState{roost.Done, roost.Failed, roost.Expired, roost.Cancelled} {
		a.State, a.Ended, a.Result, a.Error = end, after(9), `{"x":1}`, "4.04 Not Found"
		b.must(b.SaveCommand(ctx, a))
		same(t, "open when one is "+string(end), get(b.OpenCommands(ctx))(t), []roost.Command{c, z})
	}
	same(t, "one by its id", get(b.Command(ctx, roost.Home, "a"))(t), a)
	b.kind(second(b.Command(ctx, roost.Home, "nope")), roost.NotFound)
	m := sample(home("n1"), "m", after(3))
	m.Kind, m.State, m.Ended = roost.Tell, roost.Done, after(4)
	b.must(b.SaveCommand(ctx, m))
	same(t, "messages and shell lines", get(b.CountFetched(ctx, roost.Home))(t), int64(1))
	same(t, "those of another project", get(b.CountFetched(ctx, other))(t), int64(0))
	b.must(b.DeleteCommands(ctx, home("n1")))
	b.reopen()
	same(t, "after deletion", get(b.OpenCommands(ctx))(t), []roost.Command{c})
	b.kind(second(b.Command(ctx, roost.Home, "a")), roost.NotFound)
}

// testIsolation: the same ids in two projects are two things.
func testIsolation(t *testing.T, b *bench) {
	ctx := t.Context()
	b.addOther()
	mine, theirs := lamp(home("n1")), lamp(away("n1"))
	mine.GivenName, theirs.GivenName = "mine", "theirs"
	b.must(b.SaveThings(ctx, []roost.Thing{mine, theirs}))
	b.must(b.SaveResources(ctx, []roost.ResourceOf{value(mine.Ref, "led", "1", 0), value(theirs.Ref, "led", "2", 0)}))
	b.must(b.SaveCommand(ctx, sample(mine.Ref, "c", t0)))
	b.must(b.SaveCommand(ctx, sample(theirs.Ref, "c", after(1))))
	s1, s2 := get(b.Series(ctx, mine.Ref, "led"))(t), get(b.Series(ctx, theirs.Ref, "led"))(t)
	if s1 == s2 {
		t.Errorf("both projects have series %d", s1)
	}
	b.must(b.SaveAudit(ctx, roost.AuditEntry{Project: other, At: t0, Act: "x"}))
	b.must(b.SaveToken(ctx, roost.Token{ID: "t", Project: other, Role: roost.Viewer, Created: t0}))

	same(t, "command at home", get(b.Command(ctx, roost.Home, "c"))(t).Created, t0)
	same(t, "command of the other", get(b.Command(ctx, other, "c"))(t).Created, after(1))
	same(t, "audit at home", get(b.AuditLog(ctx, roost.Home, 0, 10))(t), []roost.AuditEntry(nil))
	same(t, "tokens at home", get(b.Tokens(ctx, roost.Home))(t), []roost.Token(nil))
	b.kind(b.DeleteToken(ctx, roost.Home, "t"), roost.NotFound)

	b.must(b.DeleteThing(ctx, mine.Ref))
	b.must(b.DeleteCommands(ctx, mine.Ref))
	same(t, "series of a thing", get(b.SeriesOf(ctx, mine.Ref))(t), []int64{s1})
	same(t, "dropped series", get(b.DropSeries(ctx, mine.Ref))(t), []int64{s1})
	same(t, "things left", get(b.Things(ctx))(t), []roost.Thing{theirs})
	same(t, "values left", get(b.Resources(ctx))(t), map[roost.Ref][]roost.Resource{theirs.Ref: {value(theirs.Ref, "led", "2", 0).Resource}})
	same(t, "commands left", len(get(b.OpenCommands(ctx))(t)), 1)
}
