package release_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// meanwhile is a store that lets something happen while settings are on their way to disk.
type meanwhile struct {
	release.Store
	then func()
}

func (m *meanwhile) SavePools(ctx context.Context, pools []roost.Pool) error {
	m.then()
	return m.Store.SavePools(ctx, pools)
}

func (m *meanwhile) SaveSoftware(ctx context.Context, s roost.Software) error {
	m.then()
	return m.Store.SaveSoftware(ctx, s)
}

// Settings never ask for a runtime that went while they were stored.
func TestARuntimeStaysWhileSettingsThatAskForItAreStored(t *testing.T) {
	r := newRoom(t, nil)
	r.stop()
	m := &meanwhile{Store: r.store, then: func() {}}
	var err error
	if r.Releases, err = release.Open(t.Context(), release.Config{Store: m, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); r.Run(ctx) }()
	r.stop = func() { cancel(); <-ended }
	a := r.app("Blink")
	r.register("n", a)

	asks := func(version string) roost.SettingsChange { return roost.SettingsChange{OS: &version} }
	for version, ask := range map[string]func(string) error{
		"1.1.0": func(v string) error {
			return second(r.ChangePool(t.Context(), roost.Home, a.ID, "development", release.PoolChange{Settings: asks(v)}))
		},
		"1.2.0": func(v string) error { return r.Override(t.Context(), home("n"), asks(v)) },
	} {
		r.AddRuntime(version)
		dropped := make(chan error, 1)
		m.then = func() {
			m.then = func() {}
			ended := make(chan struct{})
			go func() { defer close(ended); dropped <- r.DropRuntime(version) }()
			select {
			case <-ended: // it went while it was asked for
			case <-time.After(100 * time.Millisecond):
			}
		}
		asked := ask(version)
		if err := <-dropped; asked == nil && roost.KindOf(err) != roost.Conflict {
			t.Errorf("%s was asked for and dropped: %v", version, err)
		}
	}
}
