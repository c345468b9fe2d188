package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

func told(ref roost.Ref, id int64, at time.Time, data string) roost.WorkerMessage {
	return roost.WorkerMessage{Ref: ref, ID: id, App: "app-1", At: at, Data: roost.Value(data)}
}

// ask gives the ids of the messages that q is answered with.
func (b *bench) ask(ref roost.Ref, q roost.MessageQuery) (ids []int64) {
	b.t.Helper()
	for _, m := range get(b.Messages(b.t.Context(), ref, q))(b.t) {
		ids = append(ids, m.ID)
	}
	return ids
}

func testMessages(t *testing.T, b *bench) {
	ctx := t.Context()
	b.addOther()
	same(t, "last id of a new store", get(b.LastMessage(ctx))(t), int64(0))
	n1, tick := home("n1"), 1500*time.Microsecond
	batch := []roost.WorkerMessage{
		told(n1, 1, t0, `{"a":1}`), told(n1, 2, t0, `{"a":1}`), // same time, same text: both stay
		told(n1, 3, t0.Add(tick), `"caffè"`), told(n1, 5, after(9), `[1,2]`), told(n1, 6, after(3), `0`), // late
		told(home("n2"), 4, t0, `null`), told(away("n1"), 7, after(20), `1`), told(roost.Ref{Project: "nowhere", Thing: "n1"}, 8, t0, `1`),
	}
	batch[4].App = ""
	b.must(b.SaveMessages(ctx, batch))
	twice := batch[0]
	twice.Data = `"other"`
	b.must(b.SaveMessages(ctx, []roost.WorkerMessage{twice}))
	b.reopen()
	same(t, "newest first", get(b.Messages(ctx, n1, roost.MessageQuery{}))(t),
		[]roost.WorkerMessage{batch[3], batch[4], batch[2], batch[1], batch[0]})
	same(t, "last id", get(b.LastMessage(ctx))(t), int64(7))
	for _, c := range []struct {
		what string
		q    roost.MessageQuery
		want []int64
	}{
		{"oldest first", roost.MessageQuery{Oldest: true}, []int64{1, 2, 3, 6, 5}},
		{"limit", roost.MessageQuery{Limit: 2}, []int64{5, 6}},
		{"both ends are in", roost.MessageQuery{From: t0.Add(tick), To: after(3)}, []int64{6, 3}},
		{"from a nanosecond later", roost.MessageQuery{From: t0.Add(tick + 1), To: after(3)}, []int64{6}},
		{"to a microsecond earlier", roost.MessageQuery{To: t0.Add(tick - time.Microsecond)}, []int64{2, 1}},
		{"before one of the same time", roost.MessageQuery{Before: 2}, []int64{1}},
		{"before a late one", roost.MessageQuery{Before: 6}, []int64{3, 2, 1}},
		{"before, and to an earlier time", roost.MessageQuery{Before: 5, To: t0}, []int64{2, 1}},
		{"after one of the same time", roost.MessageQuery{After: 1, Oldest: true}, []int64{2, 3, 6, 5}},
		{"after, and from a later time", roost.MessageQuery{After: 1, From: after(1), Oldest: true}, []int64{6, 5}},
		{"between two", roost.MessageQuery{After: 1, Before: 5, Oldest: true}, []int64{2, 3, 6}},
		{"nothing between neighbours", roost.MessageQuery{After: 1, Before: 2}, nil},
		{"before one that is not known", roost.MessageQuery{Before: 99}, []int64{5, 6, 3, 2, 1}},
		{"of an app", roost.MessageQuery{App: "app-1"}, []int64{5, 3, 2, 1}},
		{"an empty span", roost.MessageQuery{From: after(1), To: t0}, nil},
	} {
		same(t, c.what, b.ask(n1, c.q), c.want)
	}
	same(t, "in a project", get(b.CountMessages(ctx, roost.Home))(t), int64(6))
	testTrimmed(t, b)
}

func testTrimmed(t *testing.T, b *bench) {
	ctx, n1 := t.Context(), home("n1")
	b.must(b.TrimMessages(ctx, n1, 5))
	same(t, "nothing to trim", len(b.ask(n1, roost.MessageQuery{})), 5)
	b.must(b.TrimMessages(ctx, n1, 4))
	same(t, "the oldest went, its twin stayed", b.ask(n1, roost.MessageQuery{}), []int64{5, 6, 3, 2})
	var many []roost.WorkerMessage
	for i := range 6001 {
		many = append(many, told(n1, int64(100+i), after(100), fmt.Sprint(i)))
	}
	b.must(b.SaveMessages(ctx, many))
	b.must(b.TrimMessages(ctx, n1, 3))
	same(t, "trimmed among equal times", b.ask(n1, roost.MessageQuery{}), []int64{6100, 6099, 6098})
	b.must(b.DropMessages(ctx, n1))
	b.reopen()
	same(t, "dropped", b.ask(n1, roost.MessageQuery{}), []int64(nil))
	same(t, "of another thing", b.ask(home("n2"), roost.MessageQuery{}), []int64{4})
	same(t, "of the thing of another project", b.ask(away("n1"), roost.MessageQuery{}), []int64{7})
	same(t, "no id is given again", get(b.LastMessage(ctx))(t), int64(6100))
}

func testLog(t *testing.T, b *bench) {
	ctx := t.Context()
	b.addOther()
	same(t, "last id of a new store", get(b.LastLine(ctx))(t), int64(0))
	var lines []roost.LogLine
	for i := range 5 {
		lines = append(lines, roost.LogLine{Ref: home("n1"), ID: int64(i + 1), At: after(-i), Level: "warn", Text: "worker KO", Detail: "Traceback\n<b>"})
	}
	theirs := roost.LogLine{Ref: away("n1"), ID: 9, At: t0, Level: "info", Text: "registered"}
	nobodys := roost.LogLine{Ref: roost.Ref{Project: "nowhere", Thing: "n1"}, ID: 10, At: t0}
	b.must(b.SaveLines(ctx, append(slices.Clone(lines), theirs, nobodys)))
	b.must(b.SaveLines(ctx, lines[:2]))
	b.reopen()
	slices.Reverse(lines)
	same(t, "as written, newest first", get(b.Lines(ctx, home("n1"), 0, 0))(t), lines)
	same(t, "before one", get(b.Lines(ctx, home("n1"), 4, 2))(t), lines[2:4])
	same(t, "last id", get(b.LastLine(ctx))(t), int64(9))
	b.must(b.TrimLines(ctx, home("n1"), 5))
	b.must(b.TrimLines(ctx, home("n1"), 2))
	same(t, "trimmed", get(b.Lines(ctx, home("n1"), 0, 0))(t), lines[:2])
	b.must(b.DropLines(ctx, home("n1")))
	b.reopen()
	same(t, "dropped", get(b.Lines(ctx, home("n1"), 0, 0))(t), []roost.LogLine(nil))
	same(t, "of the thing of another project", get(b.Lines(ctx, away("n1"), 0, 0))(t), []roost.LogLine{theirs})
	same(t, "no id is given again", get(b.LastLine(ctx))(t), int64(9))
}
