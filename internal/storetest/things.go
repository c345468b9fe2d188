package storetest

import (
	"testing"

	"github.com/roost-iot/roost"
)

func lamp(ref roost.Ref) roost.Thing {
	return roost.Thing{
		Ref: ref, Identity: roost.Identity{Door: "coap", Own: "own " + string(ref.Thing)}, GivenName: "Lämp",
		Protocol: roost.CoAP, Enrolment: roost.Enrolled, Address: "[2001:db8::1]:5683", Gateway: "roof",
		Tags: []string{"hall", `a "b"`}, Widgets: map[string]string{"temp": "gauge", `a "b"`: "json"}, FirstHeard: t0, LastHeard: after(5), Online: true, OnlineSince: after(1),
	}
}

func testThings(t *testing.T, b *bench) {
	ctx := t.Context()
	same(t, "a new store", get(b.Things(ctx))(t), []roost.Thing(nil))
	one, two, three := lamp(home("n1")), lamp(home("n2")), roost.Thing{Ref: home("n3"), Enrolment: roost.Waiting, FirstHeard: after(9)}
	b.must(b.SaveThing(ctx, one))
	b.must(b.SaveThings(ctx, []roost.Thing{two, three}))
	b.must(b.SaveThings(ctx, nil))
	b.reopen()
	same(t, "things", get(b.Things(ctx))(t), []roost.Thing{one, two, three})

	one.GivenName, one.Tags, one.Widgets, one.Online, one.LastHeard = "", nil, nil, false, after(60)
	one.Address, one.Gateway, one.Enrolment, one.Protocol = "192.0.2.1:1", "", roost.Ignored, roost.WebSocket
	one.Identity, one.OnlineSince, one.FirstHeard = roost.Identity{Door: "ws", Own: "x"}, after(60), t0
	b.must(b.SaveThing(ctx, one))
	b.must(b.DeleteThing(ctx, two.Ref))
	b.must(b.DeleteThing(ctx, home("never")))
	b.reopen()
	same(t, "things after changes", get(b.Things(ctx))(t), []roost.Thing{one, three})

	bad := lamp(roost.Ref{Project: "nowhere", Thing: "n"})
	b.kind(b.SaveThing(ctx, bad), roost.NotFound)
	b.kind(b.SaveThings(ctx, []roost.Thing{lamp(home("n9")), bad}), roost.NotFound)
	same(t, "after a batch that failed", get(b.Things(ctx))(t), []roost.Thing{one, three})
}

func value(ref roost.Ref, name string, v roost.Value, place int) roost.ResourceOf {
	return roost.ResourceOf{Ref: ref, Resource: roost.Resource{Name: name, Value: v, At: after(place), Writable: place%2 == 0}, Place: place}
}

func testResources(t *testing.T, b *bench) {
	ctx := t.Context()
	b.must(b.SaveThings(ctx, []roost.Thing{lamp(home("n1")), lamp(home("n2"))}))
	led, temp, n2 := value(home("n1"), "led", `"0"`, 1), value(home("n1"), "a temp", `"24.1°C"`, 0), value(home("n2"), "led", `{"a":[1]}`, 0)
	b.must(b.SaveResources(ctx, []roost.ResourceOf{led, temp, n2, value(home("gone"), "led", `1`, 0)}))
	b.must(b.SaveResources(ctx, nil))
	led.Value, led.Writable, led.At = `"1"`, true, after(100)
	b.must(b.SaveResources(ctx, []roost.ResourceOf{led}))
	b.reopen()
	same(t, "last values", get(b.Resources(ctx))(t), map[roost.Ref][]roost.Resource{
		home("n1"): {temp.Resource, led.Resource}, home("n2"): {n2.Resource},
	})
	b.must(b.SaveThing(ctx, lamp(home("n2")))) // replacing a thing keeps its values
	b.must(b.DeleteResources(ctx, home("n1")))
	same(t, "after a reset", get(b.Resources(ctx))(t), map[roost.Ref][]roost.Resource{home("n2"): {n2.Resource}})
	b.must(b.DeleteThing(ctx, home("n2")))
	b.must(b.SaveThing(ctx, lamp(home("n2"))))
	same(t, "a thing that was deleted and came again", get(b.Resources(ctx))(t), map[roost.Ref][]roost.Resource{})
}

func testSeries(t *testing.T, b *bench) {
	ctx := t.Context()
	if _, ok, err := b.FindSeries(ctx, home("n1"), "led"); ok || err != nil {
		t.Fatalf("found a series in a new store (%v)", err)
	}
	led, temp := get(b.Series(ctx, home("n1"), "led"))(t), get(b.Series(ctx, home("n1"), "temp"))(t)
	n2 := get(b.Series(ctx, home("n2"), "led"))(t)
	if led == temp || led == n2 || temp == n2 || led == 0 {
		t.Fatalf("series %d, %d, %d are not distinct", led, temp, n2)
	}
	b.reopen()
	if id, ok, err := b.FindSeries(ctx, home("n1"), "led"); id != led || !ok || err != nil {
		t.Errorf("series %d %v %v after reopening, want %d", id, ok, err, led)
	}
	same(t, "series asked for twice", get(b.Series(ctx, home("n1"), "temp"))(t), temp)
	b.kind(second(b.Series(ctx, roost.Ref{Project: "nowhere", Thing: "n"}, "led")), roost.NotFound)

	dropped := map[int64]bool{}
	for _, id := range get(b.DropSeries(ctx, home("n1")))(t) {
		dropped[id] = true
	}
	same(t, "dropped", dropped, map[int64]bool{led: true, temp: true})
	same(t, "dropped again", get(b.DropSeries(ctx, home("n1")))(t), []int64(nil))
	b.must(second(b.DropSeries(ctx, home("n2"))))
	if again := get(b.Series(ctx, home("n1"), "led"))(t); again == led || again == temp || again == n2 {
		t.Errorf("number %d of a dropped series was given out again", again)
	}
}

func second[T any](_ T, err error) error { return err }

func testTexts(t *testing.T, b *bench) {
	ctx := t.Context()
	s1, s2 := get(b.Series(ctx, home("n1"), "name"))(t), get(b.Series(ctx, home("n2"), "name"))(t)
	text := func(s int64, at int, v roost.Value) roost.TextReading {
		return roost.TextReading{Series: s, At: after(at), Value: v}
	}
	b.must(b.SaveTexts(ctx, []roost.TextReading{text(s1, 1, `"a"`), text(s1, 3, `"c"`), text(s1, 2, `"b"`), text(s2, 1, `"x"`), text(s1, 3, `"C"`)}))
	b.must(b.SaveTexts(ctx, []roost.TextReading{text(s1, 1, `"A"`), text(9999, 1, `"of no series"`)}))
	b.must(b.SaveTexts(ctx, nil))
	b.reopen()
	all := []roost.TextReading{text(s1, 3, `"C"`), text(s1, 2, `"b"`), text(s1, 1, `"A"`)}
	same(t, "all, newest first", get(b.Texts(ctx, s1, after(0), after(10), 100))(t), all)
	same(t, "the newest two", get(b.Texts(ctx, s1, after(0), after(10), 2))(t), all[:2])
	same(t, "from 1 up to and without 3", get(b.Texts(ctx, s1, after(1), after(3), 100))(t), all[1:])
	b.must(second(b.DropSeries(ctx, home("n1"))))
	same(t, "of a dropped series", get(b.Texts(ctx, s1, after(0), after(10), 100))(t), []roost.TextReading(nil))
	same(t, "of its neighbour", get(b.Texts(ctx, s2, after(0), after(10), 100))(t), []roost.TextReading{text(s2, 1, `"x"`)})
}
