package sim_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost/sim"
)

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestFleetOfPythingsDevicesRuns(t *testing.T) {
	c := startCloud(t)
	var log lockedBuffer
	beat := make(chan struct{}) // the devices' clock: each taken lets one go on
	fleet := sim.Pythings(
		sim.Config{To: c.addr, Count: 3, UID: "board-", Log: slog.New(slog.NewTextHandler(&log, nil))},
		sim.PythingsConfig{AID: "app", Wait: func(ctx context.Context, _ time.Duration) bool {
			select {
			case beat <- struct{}{}:
				return true
			case <-ctx.Done():
				return false
			}
		}}, nil,
	)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- fleet.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for late := time.After(3 * patience); fleet.Stats().Sent < 6 || fleet.Stats().Joined < 9; {
		select {
		case <-beat:
		case <-late:
			t.Fatalf("%+v\n%s", fleet.Stats(), &log)
		}
	}
	if got := strings.Join(fleet.IDs(), " "); got != "board-1 board-2 board-3" {
		t.Errorf("%s", got)
	}
	for _, tid := range fleet.IDs() {
		if !strings.Contains(strings.Join(c.bodies("/things/register/"), "\n"), `"tid": "`+tid+`"`) {
			t.Errorf("%s is not registered", tid)
		}
	}
	if st := fleet.Stats(); st.Present != 3 {
		t.Errorf("%+v", st)
	}
	if said := log.String(); strings.Count(said, "code of apps is not executed") != 1 {
		t.Errorf("%s", said)
	}
	c.wantLast(t, "/apps/worker/", `{"msg": {"temperature": `)
}

func TestScriptedDeviceAnswersAsTheDefaultApp(t *testing.T) {
	r := sim.Scripted(1)
	defer r.Close()
	for message, want := range map[string]string{
		`"red:on"`: `"Got \"red:on\""`, `{"a":1}`: `"Got \"{\"a\":1}\""`, "": "",
	} {
		got, err := r.Management(t.Context(), message)
		if err != nil || got != want {
			t.Errorf("%s is answered with %s, %v", message, got, err)
		}
	}
	if out := r.Exec(t.Context(), "print(1+1)"); strings.Contains(out, "2") {
		t.Errorf("it pretends to execute: %s", out)
	}
}

func TestFaultsOfPythingsConfigAreNamed(t *testing.T) {
	for want, c := range map[string]sim.PythingsConfig{
		"platform":     {Platform: "Amiga"},
		"between 0":    {Faults: sim.PythingsFaults{Cuts: 2}},
		"an address t": {},
	} {
		to := "h"
		if want == "an address t" {
			to = ""
		}
		if err := sim.Pythings(sim.Config{To: to}, c, nil).Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if f, err := sim.ParsePythingsFaults("cuts, power"); err != nil || f.Cuts == 0 || f.Power == 0 {
		t.Errorf("%+v, %v", f, err)
	}
	if _, err := sim.ParsePythingsFaults("fire"); err == nil {
		t.Error("fire is a fault")
	}
}
