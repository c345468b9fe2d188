package relay

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
)

// TestThingsAreKnownAfterARestart: doors can ask who was where, and values of a thing
// that has not greeted again are taken as its own.
func TestThingsAreKnownAfterARestart(t *testing.T) {
	h := newHub(t).start()
	dir := t.TempDir()
	keep := func(c *ClientConfig) { c.Dir = dir }
	s := newSite(t, h, h.addr(), keep)
	p := s.thing("n1")
	s.thing("coap-192.0.2.9")
	s.stop()
	s = newSite(t, h, h.addr(), keep)
	own := map[string]string{}
	s.client.Each(roost.Home, func(t roost.Thing, _ []roost.Resource) bool {
		own[t.Identity.Own] = t.Address
		return true
	})
	if len(own) != 2 || own["n1"] != "192.0.2.9:5683" || own["coap-192.0.2.9"] != "192.0.2.9:5683" {
		t.Errorf("%v", own)
	}
	if thing, _, ok := s.client.Get(p.ref); !ok || thing.Online || thing.Enrolment != roost.Enrolled || thing.Identity.Door != "coap" {
		t.Errorf("%+v", thing)
	}
	p.s = s
	p.say("led", "1", time.Time{})
	roomtest.Eventually(t, "its value is there", func() bool { return h.last("n1", "led").Value == "1" && h.online("n1")() })
	s.stop()
	if err := os.WriteFile(filepath.Join(dir, memoryFile), []byte("{nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	newSite(t, h, h.addr(), keep).thing("n1") // it starts all the same
}
