package agent_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/agent"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/sim/desk"
	wire "github.com/roost-iot/roost/wire/agent"
)

// from makes calls seem to come from the address in a header.
func from(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a := r.Header.Get("X-Test-From"); a != "" {
			r.RemoteAddr = a + ":1"
		}
		next.ServeHTTP(w, r)
	})
}

type sender struct {
	address string
	next    http.RoundTripper
}

func (s sender) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Test-From", s.address)
	return s.next.RoundTrip(r)
}

// joiner is a board that asks for a key, from an address.
func (h *house) joiner(address string) (*desk.Client, error) {
	c := &desk.Client{URL: h.server.URL, HTTP: &http.Client{Transport: sender{address, h.http.Transport}}}
	return c, c.Join(h.t.Context(), wire.Join{MAC: "28cdc1010203", Platform: "esp32", Machine: "of " + address})
}

func (h *house) joined(address string) *desk.Client {
	h.t.Helper()
	c, err := h.joiner(address)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *house) waitingKeys(c *desk.Client) (all []string) {
	h.t.Helper()
	st, ok, err := h.door.Agent(h.t.Context(), ref(c))
	if err != nil || !ok {
		h.t.Fatal(ok, err)
	}
	for _, j := range st.Joins {
		if len(j.Key) != 0 || j.At.IsZero() {
			h.t.Errorf("shown: %+v", j)
		}
		all = append(all, j.Print+" "+j.Address)
	}
	return all
}

func (h *house) approve(c *desk.Client, mark string) error {
	if err := h.door.Choose(h.t.Context(), ref(c), mark); err != nil {
		return err
	}
	_, err := h.rooms.Switchboard.Approve(h.t.Context(), ref(c), "ada")
	return err
}

func TestLaterJoinDoesNotTakeTheFirstOnesPlace(t *testing.T) {
	for name, mark := range map[string]func(mine, thief *desk.Client) string{
		"the first is named":  func(mine, _ *desk.Client) string { return mine.Key.Print() },
		"the latest is named": func(_, thief *desk.Client) string { return strings.ToUpper(thief.Key.Print()) },
		"none is named":       func(_, _ *desk.Client) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			p := plan{enrolment: registry.EnrolApprove, wrap: from}
			h := build(t, p)
			first, later := h.joined("10.0.0.7"), h.joined("10.6.6.6")
			h = h.again(p)
			first.URL, later.URL, first.HTTP, later.HTTP = h.server.URL, h.server.URL, h.http, h.http
			if got, want := fmt.Sprint(h.waitingKeys(first)), fmt.Sprintf("[%s 10.0.0.7 %s 10.6.6.6]", first.Key.Print(), later.Key.Print()); got != want {
				t.Errorf("keys that wait %s, not %s", got, want)
			}
			named := mark(first, later)
			if named == "" {
				err := h.approve(first, "")
				if roost.KindOf(err) != roost.Conflict || !strings.Contains(err.Error(), first.Key.Print()+" from 10.0.0.7") || !strings.Contains(err.Error(), later.Key.Print()) {
					t.Errorf("two wait, and one is let in: %v", err)
				}
				if _, err := h.rooms.Switchboard.Approve(t.Context(), ref(first), "ada"); err != nil { // by who does not ask
					t.Fatal(err)
				}
			} else if err := h.approve(first, named); err != nil {
				t.Fatal(err)
			}
			in, out := first, later
			if strings.EqualFold(named, later.Key.Print()) {
				in, out = later, first
			}
			h.register(in, said(boot1))
			if err := out.Hello(t.Context()); err == nil {
				t.Error("the other key opens a session")
			}
			if left := h.waitingKeys(in); len(left) != 0 {
				t.Errorf("after approval there wait %v", left)
			}
			if st, _, _ := h.door.Agent(t.Context(), ref(in)); st.Print != in.Key.Print() || st.Agent.Key != [32]byte{} {
				t.Errorf("its key is shown as %s", st.Print)
			}
		})
	}
}

func TestBoardThatLostItsFlashIsLetInByItsNewKey(t *testing.T) {
	h := build(t, plan{enrolment: registry.EnrolApprove, wrap: from})
	var c *desk.Client
	for range 5 { // each time with another key
		c = h.joined("10.0.0.7")
	}
	if all := h.waitingKeys(c); len(all) != 2 || !strings.HasPrefix(all[1], c.Key.Print()) {
		t.Errorf("the first and the last: %v", all)
	}
	if err := h.approve(c, "00000-00000"); roost.KindOf(err) != roost.NotFound {
		t.Errorf("a key that nobody asked for: %v", err)
	}
	if err := h.approve(c, c.Key.Print()); err != nil {
		t.Fatal(err)
	}
	h.register(c, said(boot1))
}

func TestKeysThatWaitAreBounded(t *testing.T) {
	h := build(t, plan{enrolment: registry.EnrolApprove, wrap: from})
	first := h.joined("10.0.0.1")
	var refusals int
	for i := range 40 {
		if _, err := h.joiner(fmt.Sprintf("10.0.1.%d", i)); err != nil {
			refusals++
			if code, state := status(err); code != 429 || state != wire.StateLater {
				t.Errorf("refused with %d %s", code, state)
			}
		}
	}
	if all := h.waitingKeys(first); len(all) != 16 || !strings.HasPrefix(all[0], first.Key.Print()) || refusals != 25 {
		t.Errorf("%d keys wait, the first %v, %d were refused", len(all), all[0], refusals)
	}
}

func TestNetworksOfAThingAreShown(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	r := said(boot1)
	r.Net = &wire.Net{SSID: "garden", Failed: []string{"house", "", strings.Repeat("x", 33), "shed"}}
	for i := range 20 {
		r.Net.Failed = append(r.Net.Failed, fmt.Sprint("n", i))
	}
	h.register(c, r)
	st, _, err := h.door.Agent(t.Context(), ref(c))
	if err != nil || st.SSID != "garden" || len(st.NoSSIDs) != 8 || st.NoSSIDs[1] != "shed" {
		t.Errorf("by %q, not by %q, %v", st.SSID, st.NoSSIDs, err)
	}
	h.register(c, said(boot1))
	if st, _, _ := h.door.Agent(t.Context(), ref(c)); st.SSID != "" || st.NoSSIDs != nil {
		t.Errorf("it tells no more: %q %q", st.SSID, st.NoSSIDs)
	}
}

// Roost ended between the thing and its key.
func TestThingWithoutAKeyIsNotLetInUntilItHasJoinedAgain(t *testing.T) {
	h := build(t, plan{enrolment: registry.EnrolApprove})
	c := h.joined("192.0.2.1")
	if err := h.rooms.Store.DeleteAgent(t.Context(), ref(c)); err != nil {
		t.Fatal(err)
	}
	h = h.again(plan{enrolment: registry.EnrolApprove})
	if err := h.door.Choose(t.Context(), ref(c), ""); roost.KindOf(err) != roost.Conflict || !strings.Contains(roost.Message(err), "no key yet") {
		t.Errorf("approved with no key: %v", err)
	}
	c = h.joined("192.0.2.1")
	if err := h.door.Choose(t.Context(), ref(c), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := h.rooms.Switchboard.Approve(t.Context(), ref(c), "ada"); err != nil {
		t.Fatal(err)
	}
	h.register(c, said(boot1))
}

// seen tells when a thing that joins is seen, and lets the join go on when it is told to.
type seen struct {
	gateway.Core
	now, goOn chan struct{}
}

func (s seen) Arrive(ctx context.Context, a gateway.Arrival) (gateway.Standing, error) {
	standing, err := s.Core.Arrive(ctx, a)
	s.now <- struct{}{}
	select {
	case <-s.goOn:
	case <-time.After(roomtest.Patience): // the test has failed
	}
	return standing, err
}

// looked tells when somebody looked a thing up.
type looked struct {
	agent.Fleet
	up chan struct{}
}

func (l looked) Get(ref roost.Ref) (roost.Thing, []roost.Resource, bool) {
	t, rs, ok := l.Fleet.Get(ref)
	select {
	case l.up <- struct{}{}:
	default:
	}
	return t, rs, ok
}

// Who approves a thing as soon as it is seen need not know that its key is still on its way.
func TestThingIsLetInWhileItJoins(t *testing.T) {
	at := seen{now: make(chan struct{}, 1), goOn: make(chan struct{})}
	look := looked{up: make(chan struct{}, 1)}
	h := build(t, plan{enrolment: registry.EnrolApprove, change: func(c *agent.Config) {
		at.Core, look.Fleet = c.Core, c.Registry
		c.Core, c.Registry = at, look
	}})
	joined := make(chan error, 1)
	go func() {
		_, err := h.joiner("192.0.2.1")
		joined <- err
	}()
	<-at.now
	<-look.up // by the join
	chosen := make(chan error, 1)
	go func() {
		chosen <- h.door.Choose(context.Background(), roost.Ref{Project: roost.Home, Thing: "roost-28cdc1010203"}, "")
	}()
	<-look.up
	close(at.goOn)
	if err := <-joined; err != nil {
		t.Fatal(err)
	}
	if err := <-chosen; err != nil {
		t.Errorf("let in while it joined: %v", err)
	}
}

// Where everybody is let in, what never came by its key did not get it.
func TestThingThatDidNotGetItsKeyJoinsAgainWhereAllAreLetIn(t *testing.T) {
	h := build(t, plan{})
	h.joined("192.0.2.1")
	c := h.joined("192.0.2.1") // the answer to the first was lost
	h.register(c, said(boot1))
	if _, err := h.joiner("192.0.2.1"); err == nil {
		t.Error("a thing that has come by its key was given another")
	} else if code, _ := status(err); code != http.StatusConflict {
		t.Errorf("told %v", err)
	}
}
