package agent_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/sim/desk"
	wire "github.com/roost-iot/roost/wire/agent"
)

// errKilled is what is tried in a process that is no more.
var errKilled = errors.New("the process was killed")

// mortal is a Roost that is killed when it has written so often, and then started again
// on what was written, with a board that tells it of its first day. Who calls it as it is
// killed gets no answer.
type mortal struct {
	*house
	t         *testing.T
	data      string
	enrolment string
	writes    atomic.Int64 // of the process that runs
	most      int64        // that it may make; 0: any
	over      atomic.Bool  // it may make none any more
	killed    bool
	client    *desk.Client
}

// live starts a process.
func (m *mortal) live(most int64) {
	m.writes.Store(0)
	m.most = most
	alive, die := context.WithCancel(m.t.Context())
	m.t.Cleanup(die)
	m.house = build(m.t, plan{data: m.data, enrolment: m.enrolment, inside: true, refuse: func() error {
		if n := m.writes.Add(1); most > 0 && n > most || m.over.Load() {
			die() // what is asked of it ends
			return errKilled
		}
		return nil
	}})
	to := m.http.Transport
	m.client.HTTP = &http.Client{Transport: carrier(func(r *http.Request) (*http.Response, error) {
		a, err := to.RoundTrip(r.WithContext(alive))
		if m.dead() {
			return nil, errKilled
		}
		return a, err
	})}
}

type carrier func(*http.Request) (*http.Response, error)

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

func (m *mortal) dead() bool { return m.most > 0 && m.writes.Load() >= m.most }

// again kills the process, if it was not, and starts it again.
func (m *mortal) again() {
	m.over.Store(true)
	m.stop()
	m.over.Store(false)
	m.live(0)
}

// insist repeats a call until it is answered, as a thing and a person do.
func (m *mortal) insist(what string, call func() error) {
	m.t.Helper()
	var err error
	for end := time.Now().Add(roomtest.Patience); time.Now().Before(end); {
		if err = call(); err == nil && !m.dead() {
			return
		}
		if m.dead() {
			m.killed = true
			m.again()
		}
		if code, _ := status(err); code == http.StatusUnauthorized {
			_ = m.client.Hello(m.t.Context()) // the next call tells
		}
	}
	m.t.Fatalf("%s: never: %v", what, err)
}

func (m *mortal) register(r wire.Register) {
	m.t.Helper()
	m.insist("register", func() error { _, err := m.client.Register(m.t.Context(), r); return err })
}

// tell syncs until all that s brings is taken.
func (m *mortal) tell(s wire.Sync) {
	m.t.Helper()
	s.Boot, s.OS, s.App = boot1, "1.0.0", "0"
	for sent := 0; ; {
		again := sent
		var a wire.Answer
		m.insist("sync", func() (err error) {
			s.Again, again = again, len(s.Queue)
			a, err = m.client.Sync(m.t.Context(), s)
			return err
		})
		s.Queue = slices.DeleteFunc(s.Queue, func(e wire.Entry) bool { return e.At <= a.Upto })
		if sent = len(s.Queue); sent == 0 {
			return
		}
	}
}

const traceback = "Traceback (most recent call last):\nValueError: boom"

// firstDay is what happens: the board joins, is let in, tells of a crash, then of another and of
// this and that, and boots again.
func (m *mortal) firstDay() {
	t := m.t
	m.insist("join", func() error {
		return m.client.Join(t.Context(), wire.Join{MAC: "28cdc1010203", Platform: "esp32", Kind: "garden"})
	})
	if m.enrolment == registry.EnrolApprove {
		m.insist("approve", func() error {
			if err := m.door.Choose(t.Context(), ref(m.client), m.client.Key.Print()); err != nil {
				return err
			}
			_, err := m.rooms.Switchboard.Approve(t.Context(), ref(m.client), "ada")
			return err
		})
	}
	r := said(boot1)
	r.Crash = &wire.Crash{Part: "os", Ver: "1.0.0", Text: traceback}
	m.register(r)
	now := time.Now().UnixMilli()
	m.tell(wire.Sync{
		Status: map[string]wire.Status{"worker": {Text: "no sensor"}},
		Queue: []wire.Entry{
			{At: now, Kind: wire.EntryMessage, Body: `{"n":1}`},
			{At: now + 1, Kind: wire.EntryLog, Body: `["error","failed",` + roost.Text(traceback+" in the app") + `]`},
			{At: now + 2, Kind: wire.EntryLog, Body: `["info","hello"]`},
		},
	})
	m.register(said(boot2))
}

// holds compares what is there with what the board told.
func (m *mortal) holds(app roost.AppID) {
	t, id := m.t, ref(m.client)
	t.Helper()
	if s, ok := m.releases.Software(id); !ok || s.App != app {
		t.Errorf("its app is %q", s.App)
	}
	boots, _, err := m.door.Boots(t.Context(), id)
	if err != nil || len(boots) != 2 || boots[0].Name != boot2 || boots[1].Name != boot1 {
		t.Errorf("boots %+v (%v)", boots, err)
	}
	runs, err := m.releases.Runs(t.Context(), id, time.Time{}, 0)
	if err != nil || len(runs) != 2 {
		t.Fatalf("%d runs of 2 boots (%v)", len(runs), err)
	}
	if s := runs[1].Statuses[roost.PartWorker]; s.OK || !s.Known || s.Text != "no sensor" {
		t.Errorf("status of its worker: %+v", s)
	}
	groups, err := m.door.Crashes(t.Context(), roost.Home, "", id.Thing, false, 0)
	if err != nil || len(groups) != 2 {
		t.Errorf("%d groups of 2 crashes (%v)", len(groups), err)
	}
	for _, g := range groups {
		if g.Count != 1 {
			t.Errorf("a crash of the %s is counted %d times", g.Part, g.Count)
		}
	}
	if got := m.messages(m.client); !slices.Equal(got, []string{`{"n":1}`}) {
		t.Errorf("messages %v", got)
	}
	lines := map[string]int{"failed": 0, "hello": 0}
	for _, l := range m.logged(m.client) {
		if _, ok := lines[l]; ok {
			lines[l]++
		}
	}
	if !maps.Equal(lines, map[string]int{"failed": 1, "hello": 1}) {
		t.Errorf("lines of its log: %v", lines)
	}
}

// mostWrites is more than a first day has.
const mostWrites = 200

func TestKilledAfterAnyWriteLosesAndDoublesNothing(t *testing.T) {
	for _, enrolment := range []string{registry.EnrolApprove, registry.EnrolOpen} {
		killed := true
		for n := int64(1); killed; n++ {
			if n > mostWrites {
				t.Fatalf("after %d writes the day was not over", mostWrites)
			}
			t.Run(fmt.Sprintf("%s, write %d", enrolment, n), func(t *testing.T) {
				m := &mortal{t: t, data: t.TempDir(), enrolment: enrolment, client: &desk.Client{URL: "http://roost"}}
				m.live(0)
				a, err := m.releases.CreateApp(t.Context(), roost.Home, release.NewApp{Name: "Garden", Latest: true, Board: "garden"})
				if err != nil {
					t.Fatal(err)
				}
				m.stop()
				m.live(n)
				m.firstDay()
				killed = m.killed
				m.again()
				m.holds(a.ID)
			})
			if t.Failed() {
				return
			}
		}
	}
}
