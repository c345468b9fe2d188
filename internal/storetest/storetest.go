// Package storetest is the contract that every store of Roost must pass.
package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway/agent"
	"github.com/roost-iot/roost/gateway/board"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/telemetry"
)

// Store is all that the rooms want of a store.
type Store interface {
	registry.Store
	command.Store
	telemetry.Store
	account.Store
	release.Store
	broker.Journal
	board.Store
	agent.Store
	Projects(ctx context.Context) ([]roost.Project, error)
	SaveProject(ctx context.Context, p roost.Project) error
	Close() error
}

// Run checks a store. open opens the same store each time within one t; the one
// before was closed.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for name, test := range map[string]func(*testing.T, *bench){
		"Projects":    testProjects,
		"Things":      testThings,
		"Resources":   testResources,
		"Series":      testSeries,
		"Texts":       testTexts,
		"Messages":    testMessages,
		"Log":         testLog,
		"Commands":    testCommands,
		"People":      testPeople,
		"Sessions":    testSessions,
		"Tokens":      testTokens,
		"GatewayKeys": testGatewayKeys,
		"Credentials": testCredentials,
		"Audit":       testAudit,
		"Broker":      testBroker,
		"ServerValue": testServerValue,
		"Apps":        testApps,
		"Pools":       testPools,
		"Boards":      testBoards,
		"Agents":      testAgents,
		"Releases":    testAgentReleases,
		"Runtimes":    testRuntimes,
		"Crashes":     testCrashes,
		"Hotfixes":    testHotfixes,
		"Source":      testSource,
		"Tags":        testTags,
		"Software":    testSoftware,
		"Runs":        testRuns,
		"Isolation":   testIsolation,
		"Concurrency": testConcurrency,
		"Cancelled":   testCancelled,
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{t: t, open: open}
			b.Store = open(t)
			t.Cleanup(func() { b.must(b.Close()) })
			test(t, b)
		})
	}
}

// bench is one store under test.
type bench struct {
	Store
	t    *testing.T
	open func(t *testing.T) Store
}

// reopen closes the store and opens it again: what was acknowledged must be there.
func (b *bench) reopen() {
	b.t.Helper()
	b.must(b.Close())
	b.Store = b.open(b.t)
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// kind wants err to be of kind k.
func (b *bench) kind(err error, k roost.ErrorKind) {
	b.t.Helper()
	if err == nil || roost.KindOf(err) != k {
		b.t.Errorf("error %v, want one of kind %d", err, k)
	}
}

// same wants got to be want, times equal in whatever zone.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	times := cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })
	if diff := cmp.Diff(want, got, times, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: -want +got\n%s", what, diff)
	}
}

// get unpacks a value and fails on err.
func get[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

var (
	t0    = time.Date(2026, 3, 1, 12, 0, 0, 123_000_000, time.UTC)
	other = roost.ProjectID("other")
)

// after gives t0 and some seconds.
func after(s int) time.Time { return t0.Add(time.Duration(s) * time.Second) }

func home(id string) roost.Ref { return roost.Ref{Project: roost.Home, Thing: roost.ThingID(id)} }

func away(id string) roost.Ref { return roost.Ref{Project: other, Thing: roost.ThingID(id)} }

func (b *bench) addOther() {
	b.t.Helper()
	b.must(b.SaveProject(b.t.Context(), roost.Project{ID: other, Name: "Other", Created: after(1)}))
}

func testProjects(t *testing.T, b *bench) {
	ctx := t.Context()
	first := get(b.Projects(ctx))(t)
	if len(first) != 1 || first[0].ID != roost.Home || first[0].Name == "" {
		t.Fatalf("a new store has the projects %v, want home", first)
	}
	p := roost.Project{ID: other, Name: "Other", Created: time.Now().Add(time.Hour).Truncate(time.Millisecond)}
	b.must(b.SaveProject(ctx, p))
	p.Name = "Renamed"
	b.must(b.SaveProject(ctx, p))
	b.reopen()
	same(t, "projects", get(b.Projects(ctx))(t), []roost.Project{first[0], p})
}

func testServerValue(t *testing.T, b *bench) {
	ctx := t.Context()
	same(t, "no value", get(b.ServerValue(ctx, "k"))(t), "")
	b.must(b.SaveServerValue(ctx, "k", "1"))
	b.must(b.SaveServerValue(ctx, "k", "2"))
	b.reopen()
	same(t, "value", get(b.ServerValue(ctx, "k"))(t), "2")
	b.must(b.SaveServerValue(ctx, "k", ""))
	same(t, "removed value", get(b.ServerValue(ctx, "k"))(t), "")
}

// testConcurrency: writes of many goroutines, some of which fail, are all there
// and do not disturb each other.
func testConcurrency(t *testing.T, b *bench) {
	ctx := t.Context()
	const writers, each = 16, 20
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				id := fmt.Sprintf("c-%d-%d", w, i)
				if err := b.SaveCommand(ctx, sample(home("n1"), id, after(i))); err != nil {
					t.Errorf("save %s: %v", id, err)
				}
				if err := b.SaveCommand(ctx, sample(roost.Ref{Project: "nowhere", Thing: "n1"}, id, t0)); roost.KindOf(err) != roost.NotFound {
					t.Errorf("command of an unknown project: %v, want not found", err)
				}
				if c, err := b.Command(ctx, roost.Home, id); err != nil || c.ID != id {
					t.Errorf("read %s right after saving: %v, %v", id, c.ID, err)
				}
			}
		})
	}
	all.Wait()
	b.reopen()
	if got := get(b.Commands(ctx, home("n1"), 0))(t); len(got) != writers*each {
		t.Errorf("%d commands kept, want %d", len(got), writers*each)
	}
}

func testCancelled(t *testing.T, b *bench) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = b.SaveServerValue(ctx, "k", "1") // may or may not have begun
	if err := b.SaveServerValue(t.Context(), "k2", "2"); err != nil {
		t.Errorf("a write after a cancelled one: %v", err)
	}
	same(t, "value", get(b.ServerValue(t.Context(), "k2"))(t), "2")
}
