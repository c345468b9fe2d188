package pyaiot

import (
	"context"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/wire/websocket"
)

// notes is a Core that writes down who came and went.
type notes struct {
	mu    sync.Mutex
	lines []string
}

func (n *notes) add(s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, s)
}

func (n *notes) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.lines)
}

func (n *notes) Arrive(_ context.Context, a gateway.Arrival) (gateway.Standing, error) {
	n.add("arrive " + a.Identity.Own)
	return gateway.Standing{Ref: roost.Ref{Project: a.Project, Thing: roost.ThingID(a.Identity.Own)}, Enrolment: roost.Enrolled}, nil
}

func (n *notes) Report(context.Context, roost.Ref, []roost.Resource) error { return nil }
func (n *notes) Answer(context.Context, gateway.Answer) error              { return nil }

func (n *notes) Leave(_ context.Context, ref roost.Ref, _ gateway.Link) error {
	n.add("leave " + string(ref.Thing))
	return nil
}

// TestDeadGatewayIsNoticedByItsKeepAlive: one that has sent keep-alives is given up
// after three periods without; one that never did may be silent for ever.
func TestDeadGatewayIsNoticedByItsKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core := &notes{}
		ring := func() []NamedKey { return []NamedKey{{ID: "k"}} }
		d := New(Config{Core: core, Keyring: ring, Feed: live.NewFeed(time.Now()), Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		defer d.end()
		var work sync.WaitGroup
		open := func(uid string, alive bool) net.Conn {
			ours, theirs := net.Pipe()
			conn := websocket.New(ours, websocket.Options{})
			d.gateways.conns[conn] = struct{}{}
			work.Go(func() { d.serveGateway(conn, NamedKey{ID: "k"}, "g", "192.0.2.1:1", false) })
			if _, err := theirs.Write(masked(nil, 1, `{"type": "new", "uid": "`+uid+`", "dst": "all"}`)); err != nil {
				t.Fatal(err)
			}
			if alive {
				if _, err := theirs.Write(masked(nil, 1, `{"type": "update", "uid": "alive"}`)); err != nil {
					t.Fatal(err)
				}
			}
			return theirs
		}
		open("a", true)
		quiet := open("b", false)
		time.Sleep(aliveLost + 5*time.Second - 1)
		synctest.Wait()
		want := []string{"arrive a", "arrive b"}
		if !slices.Equal(core.all(), want) {
			t.Fatalf("before the grace ended: %q", core.all())
		}
		time.Sleep(2 * time.Nanosecond)
		synctest.Wait()
		if want = append(want, "leave a"); !slices.Equal(core.all(), want) {
			t.Fatalf("after it: %q", core.all())
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if !slices.Equal(core.all(), want) {
			t.Fatalf("a day later: %q", core.all())
		}
		if err := quiet.Close(); err != nil {
			t.Fatal(err)
		}
		work.Wait()
	})
}
