package agent_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/agent"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/sim/desk"
	wire "github.com/roost-iot/roost/wire/agent"
)

// at is the client as if it called from an address.
func (h *house) at(c *desk.Client, address string) *desk.Client {
	next := *c
	next.HTTP = &http.Client{Transport: sender{address, h.http.Transport}}
	return &next
}

// hellos says hello in the name of a thing, once from each of n addresses.
func (h *house) hellos(id string, n int) {
	nonce := wire.NewNonce()
	body, err := json.Marshal(wire.Hello{ID: id, Nonce: hex.EncodeToString(nonce[:])})
	if err != nil {
		h.t.Error(err)
	}
	for i := range n {
		hc := &http.Client{Transport: sender{fmt.Sprintf("10.9.%d.%d", i/200, i%200), h.http.Transport}}
		answer, err := hc.Post(h.server.URL+wire.PathHello, "application/json", strings.NewReader(string(body)))
		if err != nil {
			h.t.Error(err)
			return
		}
		_ = answer.Body.Close()
	}
}

func TestHellosOfManyAddressesDoNotPushTheThingOut(t *testing.T) {
	h := build(t, plan{wrap: from})
	c := h.at(h.board(""), "10.0.0.7")
	h.register(c, said(boot1))
	if err := c.Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.hellos(c.ID, 100)        // before it has used its session
	h.register(c, said(boot2)) // which is good
	h.hellos(c.ID, 100)
	h.sync(c, wire.Sync{Boot: boot2})
}

// slow opens calls whose bodies never come whole.
func (h *house) slow(n int) (all []net.Conn) {
	h.t.Helper()
	for range n {
		conn, err := net.Dial("tcp", strings.TrimPrefix(h.server.URL, "http://"))
		if err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() { _ = conn.Close() }) // may be closed already
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{", wire.PathHello)
		all = append(all, conn)
	}
	return all
}

func TestCallsThatAreOnTheirWayInAreBounded(t *testing.T) {
	h := build(t, plan{change: func(c *agent.Config) { c.Bodies = 3 }})
	c := h.board("")
	h.register(c, said(boot1))
	open := h.slow(3)
	roomtest.Eventually(t, "a fourth is refused", func() bool {
		_, err := c.Sync(t.Context(), wire.Sync{Boot: boot1})
		code, state := status(err)
		return code == 503 && state == wire.StateLater
	})
	answer, err := http.ReadResponse(bufio.NewReader(h.slow(1)[0]), nil)
	if err != nil || answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" {
		t.Fatalf("answered with %v, %v", answer, err)
	}
	_ = answer.Body.Close()
	for _, conn := range open {
		_ = conn.Close()
	}
	roomtest.Eventually(t, "the thing is served again", func() bool {
		_, err := c.Sync(t.Context(), wire.Sync{Boot: boot1})
		return err == nil
	})
}

// TestStormsLeaveAThingAlone is an attack on the door: a thing keeps its session and its
// calls are answered.
func TestStormsLeaveAThingAlone(t *testing.T) {
	h := build(t, plan{enrolment: registry.EnrolApprove, wrap: from, change: func(c *agent.Config) { c.Burst = 50 }})
	c, noisy := h.at(h.board(""), "10.0.0.7"), h.at(h.board(""), "10.0.0.8")
	h.register(c, said(boot1))
	h.register(noisy, said(boot1))
	h.slow(100)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var storms sync.WaitGroup
	storms.Go(func() {
		for i := range 1050 {
			j := h.at(&desk.Client{URL: h.server.URL}, fmt.Sprintf("10.1.%d.%d", i/200, i%200))
			_ = j.Join(ctx, wire.Join{MAC: fmt.Sprintf("%012x", i)}) // refused or not
		}
	})
	storms.Go(func() { h.hellos(c.ID, 200) })
	refused := 0
	storms.Go(func() {
		for range 400 {
			if _, err := noisy.Sync(ctx, wire.Sync{Boot: boot1}); err != nil {
				refused++
			}
		}
	})
	over := make(chan struct{})
	go func() { storms.Wait(); close(over) }()
	calls, worst := 0, time.Duration(0)
	for going := true; going; calls++ {
		began := time.Now()
		h.sync(c, wire.Sync{Queue: []wire.Entry{{At: began.UnixMilli(), Kind: wire.EntryValues, Body: `{"t":1}`}}})
		worst = max(worst, time.Since(began))
		select {
		case <-over:
			going = false
		case <-time.After(110 * time.Millisecond): // as often as it may
		}
	}
	count := h.rooms.Registry.Count(roost.Home)
	t.Logf("%d calls of the thing answered, the slowest in %s; %d of 400 calls of the noisy one refused; %d things wait", calls, worst, refused, count.Waiting)
	if count.Waiting > 1000 {
		t.Errorf("%d things wait", count.Waiting)
	}
}
