package e2e

import (
	"context"
	"fmt"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost/sim"
)

// countingApp stands for the app that runs on a simulated device.
type countingApp struct {
	n     int
	heard map[string]int // how often each message was executed, by its JSON
}

func (a *countingApp) Load(map[string]string) error { return nil }

func (a *countingApp) Worker(context.Context) (string, error) {
	a.n++
	return fmt.Sprintf(`{"n": %d}`, a.n), nil
}

func (a *countingApp) Management(_ context.Context, message string) (string, error) {
	if message == "" {
		return "", nil
	}
	a.heard[message]++
	return message, nil
}

func (a *countingApp) Exec(context.Context, string) string { return "" }
func (a *countingApp) Close()                              {}

// journey is a device whose server is killed, and started again, before some of its calls.
type journey struct {
	t       *testing.T
	s       *server
	args    []string
	dies    func(call int) bool // before this call of the part of the journey; nil: never
	call    int
	kills   int
	faults  []string // what the device could not do
	app     countingApp
	device  *sim.PythingsDevice
	running bool
}

func newJourney(t *testing.T, encrypted bool) (*journey, app) {
	j := &journey{t: t, args: []string{"--enrol", "open", "--durability", "commit"}, app: countingApp{heard: map[string]int{}}}
	j.s = start(t, filepath.Join(t.TempDir(), "data"), j.args...)
	a := j.s.newApp("Lasting", map[string]string{"worker_task.py": longTask("one"), "management_task.py": echoManager})
	j.s.pool(a.ID, map[string]any{"tls": false, "encrypt": encrypted})
	var keys struct{ Modulus string }
	j.s.call("GET", "/pythings", nil, &keys)
	modulus, _ := new(big.Int).SetString(keys.Modulus, 10)
	j.device = sim.NewPythings(sim.PythingsConfig{
		Backend: j.s.http, AID: a.ID, TID: "AABBCCDDEEFF", Encrypted: encrypted, Modulus: modulus,
		Runner: &j.app, Told: j.told, Wait: func(ctx context.Context, _ time.Duration) bool { return ctx.Err() == nil },
	})
	return j, a
}

// longTask is a file that does not go out in one write.
func longTask(mark string) string {
	return strings.Repeat("# "+mark+", some text that fills the file\n", 2000) + fmt.Sprintf(sensorWorker, "1")
}

func (j *journey) told(e sim.PythingsEvent) {
	switch e.Kind {
	case sim.Called:
		if j.dies != nil && j.dies(j.call) {
			at := j.s.http
			j.s.kill()
			j.kills++
			j.s = start(j.t, j.s.data, append([]string{"--http", at}, j.args...)...)
		}
		j.call++
	case sim.Failed, sim.Hung:
		j.faults = append(j.faults, e.Text)
	}
}

// until lets the device live until ok holds.
func (j *journey) until(what string, ok func() bool) {
	j.t.Helper()
	j.call = 0
	for range 100 {
		if j.running && ok() {
			return
		}
		var err error
		if j.running {
			j.running, err = j.device.Tick(j.t.Context())
		} else {
			j.running, err = j.device.Boot(j.t.Context())
		}
		if err != nil {
			j.t.Fatalf("%s: after %d kills: %v", what, j.kills, err)
		}
	}
	j.t.Fatalf("never: %s; after %d kills the device says %q", what, j.kills, j.faults)
}

// has tells that the device has a commit whole, and runs it.
func (j *journey) has(commit, mark string) bool {
	worker, _ := j.device.File("worker_task.py")
	management, _ := j.device.File("management_task.py")
	version, _ := j.device.File("app.py")
	end := "\nversion='" + commit + "'"
	return strings.Contains(version, commit) && strings.HasSuffix(worker, longTask(mark)+end) && strings.HasSuffix(management, echoManager+end)
}

// messages gives how many worker messages of the device are kept.
func (j *journey) messages() int {
	j.t.Helper()
	var all struct {
		Messages []struct{ Value struct{ N int } }
	}
	j.s.call("GET", "/things/AABBCCDDEEFF/messages?limit=500", nil, &all)
	seen := map[int]bool{}
	for _, m := range all.Messages {
		if seen[m.Value.N] {
			j.t.Errorf("message %d is kept twice", m.Value.N)
		}
		seen[m.Value.N] = true
	}
	return len(seen)
}

func TestPythingsOSWhenTheServerIsKilledBetweenAnyTwoCalls(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		t.Run(fmt.Sprintf("encrypted=%v", encrypted), func(t *testing.T) {
			j, a := newJourney(t, encrypted)
			often, around := func(int) bool { return true }, []int{0, 1, 2, 3, 4, 5}
			if encrypted { // its calls are the same, but for the first
				often, around = func(call int) bool { return call < 2 || call%4 == 3 }, []int{1, 5}
			}

			// From nothing to its app: settings, files, the loop.
			j.dies = often
			j.until("it runs", func() bool { return j.app.n > 0 })
			commit := j.wanted()
			if !j.has(commit, "one") {
				t.Fatal("it runs, but not with its files whole")
			}

			// A message, with the server killed before one of the calls around it.
			j.dies = nil
			for _, at := range around {
				var made, c command
				text := fmt.Sprintf("message %d", at)
				j.s.call("POST", "/things/AABBCCDDEEFF/commands", map[string]any{"kind": "message", "value": text}, &made)
				j.dies = func(call int) bool { return call == at }
				j.until(text+" is answered", func() bool {
					j.s.call("GET", "/commands/"+made.ID, nil, &c)
					return c.State != "queued" && c.State != "sent"
				})
				if n := j.app.heard[`"`+text+`"`]; n != 1 || c.State != "done" {
					t.Errorf("%s was executed %d times and is %s: %s", text, n, c.State, c.Error)
				}
			}

			// New code.
			j.dies = nil
			commit = j.s.ship(a.ID, map[string]string{"worker_task.py": longTask("two")})
			n := j.app.n
			j.dies = often
			j.until("it runs the new code", func() bool { return j.has(commit, "two") && j.app.n > n })
			j.dies = nil
			if kept := j.messages(); kept != j.app.n {
				t.Errorf("%d of %d worker messages are kept", kept, j.app.n)
			}
			if len(j.faults) > 0 {
				t.Errorf("the device could not: %q", j.faults)
			}
			t.Logf("the server was killed %d times", j.kills)
			j.s.endsWell()
		})
	}
}

// wanted is the commit that the device shall have.
func (j *journey) wanted() string {
	j.t.Helper()
	var soft struct {
		Commit   string
		UpToDate bool
	}
	j.s.call("GET", "/things/AABBCCDDEEFF/software", nil, &soft)
	if !soft.UpToDate {
		j.t.Error("the device runs, and is not said to be up to date")
	}
	return soft.Commit
}
