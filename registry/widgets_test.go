package registry_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
)

func TestChosenWidgetsAreMergedAndKept(t *testing.T) {
	dir := t.TempDir()
	rooms := roomtest.Open(t, roomtest.Config{Dir: dir})
	r := rooms.Registry
	arrive(t, r, arrival("n1"))
	show := func(widgets map[string]string, want map[string]string) {
		t.Helper()
		thing, err := r.ShowAs(t.Context(), ref("n1"), widgets)
		if err != nil || !maps.Equal(thing.Widgets, want) {
			t.Errorf("after %v shown as %v (%v), want %v", widgets, thing.Widgets, err, want)
		}
	}
	show(map[string]string{"temp": "gauge", "led": "switch"}, map[string]string{"temp": "gauge", "led": "switch"})
	before, _, _ := r.Get(ref("n1"))
	show(map[string]string{"led": "", "rgb": "colour"}, map[string]string{"temp": "gauge", "rgb": "colour"})
	if len(before.Widgets) != 2 || before.Widgets["led"] != "switch" {
		t.Errorf("what was given out has changed: %v", before.Widgets)
	}
	many := map[string]string{}
	for i := range 300 {
		many[fmt.Sprint(i)] = "json"
	}
	for what, bad := range map[string]map[string]string{
		"too many": many, "no name": {"": "gauge"}, "a long one": {"x": string(make([]byte, 41))}, "no text": {"\xff": "gauge"},
	} {
		if _, err := r.ShowAs(t.Context(), ref("n1"), bad); roost.KindOf(err) != roost.Invalid {
			t.Errorf("%s: %v, want invalid", what, err)
		}
	}
	if _, err := r.ShowAs(t.Context(), ref("n2"), nil); roost.KindOf(err) != roost.NotFound {
		t.Errorf("of an unknown thing: %v", err)
	}
	rooms.Stop()
	thing, _, _ := roomtest.Open(t, roomtest.Config{Dir: dir}).Registry.Get(ref("n1"))
	if len(thing.Widgets) != 2 || thing.Widgets["rgb"] != "colour" {
		t.Errorf("after a restart shown as %v", thing.Widgets)
	}
}
