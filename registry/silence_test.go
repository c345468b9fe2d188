package registry_test

import (
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
)

// W07: a thing that calls seldom is online for as long as it said that it may be silent.
func TestThingMayNameItsOwnSilence(t *testing.T) {
	rooms := roomtest.Open(t, roomtest.Config{Registry: registry.Config{Presence: 300 * time.Millisecond}})
	feed := rooms.Feed.Tail()
	defer feed.Close()
	seldom, often := arrival("seldom"), arrival("often")
	seldom.Silence = 360 * time.Second
	arrive(t, rooms.Registry, seldom)
	arrive(t, rooms.Registry, often)
	for e := roomtest.Next(t, feed, roost.ThingChanged); e.Thing.Online; e = roomtest.Next(t, feed, roost.ThingChanged) {
		continue
	}
	if thing, _, _ := rooms.Registry.Get(ref("often")); thing.Online {
		t.Error("the one that calls often was not lost first")
	}
	if thing, _, _ := rooms.Registry.Get(ref("seldom")); !thing.Online {
		t.Error("the one that calls seldom is offline")
	}
}

func TestThingThatCallsOftenIsMissedSooner(t *testing.T) {
	rooms := roomtest.Open(t, roomtest.Config{Registry: registry.Config{Presence: time.Hour}})
	feed := rooms.Feed.Tail()
	defer feed.Close()
	often := arrival("often")
	often.Silence = 300 * time.Millisecond
	arrive(t, rooms.Registry, often)
	for e := roomtest.Next(t, feed, roost.ThingChanged); e.Thing.Online; e = roomtest.Next(t, feed, roost.ThingChanged) {
		continue
	}
}
