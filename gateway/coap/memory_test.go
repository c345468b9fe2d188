package coap_test

import (
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/coap"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	wire "github.com/roost-iot/roost/wire/coap"
)

// restarted is a second house over what the first one kept.
func (h *house) restarted(t *testing.T, dir string, options ...option) *house {
	t.Helper()
	h.Rooms.Stop()
	return open(t, append(options, in(dir), func(_ *roomtest.Config, c *coap.Config) { c.NodePort = h.port })...)
}

func in(dir string) option { return func(r *roomtest.Config, _ *coap.Config) { r.Dir = dir } }

func TestValuesAreTakenBetweenARestartAndTheNextAlive(t *testing.T) {
	dir := t.TempDir()
	h := open(t, in(dir))
	b := h.board(t, "127.0.6.1").has("</led>", "/led", "0")
	b.says("alive:n1")
	h.until(t, "n1 led=0")

	h = h.restarted(t, dir)
	b.h = h
	b.pushes("temperature:21")
	h.want(t, "n1 online", "n1 temperature=21", "n1 ip=::ffff:127.0.6.1", "n1 protocol=CoAP", "n1 led=0")
	b.pushes("temperature:22")
	h.want(t, "n1 temperature=22")
	taken(t, post(t, h, "127.0.6.2:0", "/server", "temperature:1"), "temperature:1")
	if n := h.door.Stats().Nodes; n != 1 {
		t.Errorf("%d nodes", n)
	}
}

func TestAddressOfSeveralNodesTellsNothingAfterARestart(t *testing.T) {
	dir := t.TempDir()
	h := open(t, in(dir))
	b := h.board(t, "127.0.6.3").has("")
	for _, uid := range []string{"n1", "n2"} {
		b.says("alive:" + uid)
		h.until(t, uid+" protocol=CoAP")
	}

	h = h.restarted(t, dir)
	b.h = h
	b.pushes("temperature:21")
	b.says("alive:n2")
	h.want(t, "n2 online")
}

func TestNodeThatGreetedFromElsewhereIsNotRecalled(t *testing.T) {
	dir := t.TempDir()
	h := open(t, in(dir))
	b := h.board(t, "127.0.6.4").has("")
	b.says("alive:n1")
	h.until(t, "n1 protocol=CoAP")

	h = h.restarted(t, dir)
	b.h = h
	moved := h.board(t, "127.0.6.5").has("")
	moved.says("alive:n1")
	h.until(t, "n1 protocol=CoAP")
	b.pushes("temperature:21") // from nobody
	moved.pushes("temperature:22")
	h.want(t, "n1 temperature=22")
}

func TestForgottenThingIsNotRecalled(t *testing.T) {
	dir := t.TempDir()
	h := open(t, in(dir))
	b := h.board(t, "127.0.6.6").has("")
	b.says("alive:n1")
	h.until(t, "n1 protocol=CoAP")

	h = h.restarted(t, dir, enrolment(registry.EnrolApprove))
	b.h = h
	if err := h.Registry.Forget(t.Context(), ref("n1")); err != nil {
		t.Fatal(err)
	}
	b.pushes("temperature:21")
	if n := h.door.Stats().Nodes; n != 0 {
		t.Errorf("%d nodes", n)
	}
	if a := b.post("/alive", "alive:n1"); a.Code != wire.Unauthorized {
		t.Errorf("its alive was answered %v", a.Code)
	}
}

func TestOldAddressesAreNotTrustedForEver(t *testing.T) {
	dir := t.TempDir()
	h := open(t, in(dir))
	b := h.board(t, "127.0.6.7").has("")
	b.says("alive:n1")
	h.until(t, "n1 protocol=CoAP")

	h = h.restarted(t, dir, func(_ *roomtest.Config, c *coap.Config) { c.Presence = time.Nanosecond })
	b.h = h
	b.pushes("temperature:21") // from nobody
	if n := h.door.Stats().Nodes; n != 0 {
		t.Errorf("%d nodes", n)
	}
}
