package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost/sim"
)

// returning is how many devices come back at once.
const returning = 1000

// fleetMate is a device of a fleet and the app on it.
type fleetMate struct {
	tid    string
	app    countingApp
	device *sim.PythingsDevice
}

// live boots the device and lets it run until ok holds.
func (m *fleetMate) live(ctx context.Context, ok func() bool) error {
	running := false
	for range 100 {
		var err error
		if running {
			running, err = m.device.Tick(ctx)
		} else {
			running, err = m.device.Boot(ctx)
		}
		if err != nil {
			return err
		}
		if running && ok() {
			return nil
		}
	}
	return fmt.Errorf("%s does not get on", m.tid)
}

// all lets every device live, most of them at a time.
func all(t *testing.T, mates []*fleetMate, most int, live func(*fleetMate) error) {
	t.Helper()
	gate := make(chan struct{}, most)
	var group sync.WaitGroup
	for _, m := range mates {
		group.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			if err := live(m); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestFleetOfPythingsOSReturnsAtOnce(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "open", "--log-level", "warn")
	a := s.newApp("Fleet", map[string]string{"worker_task.py": fmt.Sprintf(sensorWorker, "1"), "management_task.py": echoManager})
	s.pool(a.ID, map[string]any{"tls": false})
	var registered, refused, cut atomic.Int64
	told := func(e sim.PythingsEvent) {
		switch {
		case e.Kind == sim.Registered:
			registered.Add(1)
		case e.Kind == sim.Failed && strings.Contains(e.Text, "Got error"):
			refused.Add(1)
			t.Log(e.Text)
		case e.Kind == sim.Failed || e.Kind == sim.Hung:
			cut.Add(1)
		}
	}
	var mates []*fleetMate
	for i := range returning {
		m := &fleetMate{tid: fmt.Sprintf("FLEET%04d", i), app: countingApp{heard: map[string]int{}}}
		m.device = sim.NewPythings(sim.PythingsConfig{
			Backend: s.http, AID: a.ID, TID: m.tid, Runner: &m.app, Told: told,
			Wait: func(ctx context.Context, _ time.Duration) bool { return ctx.Err() == nil },
		})
		mates = append(mates, m)
	}

	// The first gets its settings and files; the others have been given the same.
	works := func(m *fleetMate) func() bool { return func() bool { return m.app.n > 0 } }
	if err := mates[0].live(t.Context(), works(mates[0])); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"settings.json", "app.py", "worker_task.py", "management_task.py"} {
		content, ok := mates[0].device.File(name)
		if !ok {
			t.Fatalf("the first device has no %s", name)
		}
		for _, m := range mates[1:] {
			m.device.Put(name, content)
		}
	}
	all(t, mates[1:], 20, func(m *fleetMate) error { return m.live(t.Context(), func() bool { return true }) })
	var sent struct{ Sent, Refused int }
	s.call("POST", "/apps/"+a.ID+"/messages", map[string]any{"value": "welcome"}, &sent)
	if sent.Sent != returning {
		t.Fatalf("sent to %+v", sent)
	}

	at := s.http
	if status, _ := s.terminate(); status != 0 {
		t.Errorf("it ended with %d", status)
	}
	s = start(t, s.data, "--enrol", "open", "--log-level", "warn", "--http", at)
	registered.Store(0)
	began := time.Now()
	all(t, mates, returning, func(m *fleetMate) error {
		return m.live(t.Context(), func() bool { return m.app.heard[`"welcome"`] > 0 })
	})
	t.Logf("%d devices came back and answered within %v; %d calls were cut off", returning, time.Since(began), cut.Load())
	if registered.Load() != returning || refused.Load() > 0 {
		t.Errorf("%d of %d registered, %d calls were refused", registered.Load(), returning, refused.Load())
	}
	for _, m := range mates {
		var list struct{ Commands []command }
		s.call("GET", "/things/"+m.tid+"/commands", nil, &list)
		if len(list.Commands) != 1 || list.Commands[0].State != "done" || m.app.heard[`"welcome"`] != 1 {
			t.Errorf("%s: %+v, executed %d times", m.tid, list.Commands, m.app.heard[`"welcome"`])
		}
	}
	s.endsWell()
}
