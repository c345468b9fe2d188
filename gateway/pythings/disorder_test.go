package pythings_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/sim"
)

// disorder is people who change everything about a device while it calls.
type disorder struct {
	h    *house
	dice *rand.Rand
	apps []roost.App
	ref  roost.Ref
	made int
}

func (d *disorder) files() map[string]string {
	d.made++
	return map[string]string{
		"worker_task.py":     fmt.Sprintf("%s# %d\n", recordedWorker, d.made),
		"management_task.py": fmt.Sprintf("%s# %d\n", recordedTask, d.made),
	}
}

func (d *disorder) newApp() {
	a, _ := d.h.newApp(release.NewApp{Name: fmt.Sprintf("App %d", d.made), Management: 1, Worker: 1, Latest: true, OS: roost.Factory}, d.files())
	d.apps = append(d.apps, a)
}

// one does one thing. Refusals are no fault: people are told.
func (d *disorder) one(ctx context.Context) error {
	r, at := d.h.releases, d.dice.IntN(len(d.apps))
	a := d.apps[at]
	pools := []string{"production", "staging", "development", "renamed"}
	pool := pools[d.dice.IntN(len(pools))]
	switch d.dice.IntN(9) {
	case 0, 1, 2:
		return r.Install(ctx, d.ref, a.ID, "", "ada")
	case 3:
		return r.Uninstall(ctx, d.ref)
	case 4:
		d.h.commit(a.ID, d.files())
	case 5:
		return r.MovePool(ctx, d.ref, pool)
	case 6:
		name := pools[d.dice.IntN(len(pools))]
		_, err := r.ChangePool(ctx, roost.Home, a.ID, pool, release.PoolChange{Name: &name})
		return err
	case 7:
		return r.Again(ctx, d.ref)
	case 8:
		if err := r.DeleteApp(ctx, roost.Home, a.ID); err != nil {
			return err
		}
		d.apps = append(d.apps[:at], d.apps[at+1:]...)
		d.newApp()
	}
	return nil
}

// Whatever people do while a device is in the middle of an update, it comes to rest with
// the code of the app that it has, and nothing else.
func TestDeviceComesToRestAfterDisorder(t *testing.T) {
	for seed := range uint64(6) {
		h := build(t, plan{})
		d := &disorder{h: h, dice: rand.New(rand.NewPCG(seed, 1)), ref: roost.Ref{Project: roost.Home, Thing: "traveller"}}
		d.newApp()
		d.newApp()
		calm := false
		j := h.travel(t, func(c *sim.PythingsConfig) {
			c.AID = account
			c.Told = func(e sim.PythingsEvent) {
				if e.Kind != sim.Called || calm || d.dice.IntN(3) > 0 {
					return
				}
				if err := d.one(t.Context()); err != nil && roost.KindOf(err) == roost.Internal {
					t.Errorf("seed %d: %v", seed, err)
				}
			}
		})
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		running := false
		for range 15 { // it may start 20 times at once
			var err error
			if running {
				running, err = j.Tick(ctx)
			} else {
				running, err = j.Boot(ctx)
			}
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		stop()

		calm = true
		if err := h.releases.Install(t.Context(), d.ref, d.apps[0].ID, "", "ada"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if j.ticks(10) { // more than any interval
				break
			}
			j.boot()
		}
		wanted, _ := h.releases.Wanted(d.ref)
		content, err := h.releases.Content(t.Context(), roost.Home, d.apps[0].ID, wanted.Commit, "worker_task.py")
		if err != nil {
			t.Fatal(err)
		}
		worker, _ := j.File("worker_task.py")
		if version, _ := j.File("app.py"); !strings.Contains(version, wanted.Commit) || !strings.Contains(worker, content) {
			t.Errorf("seed %d: app.py is %q and the worker %q, want %s with %q", seed, version, worker, wanted.Commit, content)
		}
		h.stop()
	}
}
