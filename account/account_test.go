package account

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/store/sqlite"
)

const (
	pass   = "correct horse battery"
	remote = "192.0.2.7:4711"
)

// desk is Accounts over a real store, with a clock that stands until it is moved.
type desk struct {
	*Accounts
	t     *testing.T
	store *countingStore
	dir   string

	mu  sync.Mutex
	now time.Time
}

// countingStore counts what reaches the store by way of sessions and tokens.
type countingStore struct {
	*sqlite.Store
	mu             sync.Mutex
	loads, touches int
}

func (c *countingStore) note(n *int) {
	c.mu.Lock()
	*n++
	c.mu.Unlock()
}

func (c *countingStore) Session(ctx context.Context, h roost.Secret) (roost.Session, error) {
	c.note(&c.loads)
	return c.Store.Session(ctx, h)
}

func (c *countingStore) Token(ctx context.Context, h roost.Secret) (roost.Token, error) {
	c.note(&c.loads)
	return c.Store.Token(ctx, h)
}

func (c *countingStore) TouchSession(ctx context.Context, s roost.Session) error {
	c.note(&c.touches)
	return c.Store.TouchSession(ctx, s)
}

func (c *countingStore) TouchToken(ctx context.Context, h roost.Secret, at time.Time) error {
	c.note(&c.touches)
	return c.Store.TouchToken(ctx, h, at)
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, dir: filepath.Join(t.TempDir(), "data"), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	d.start()
	t.Cleanup(d.stop)
	return d
}

func (d *desk) start() {
	d.t.Helper()
	s, err := sqlite.Open(d.t.Context(), d.dir, sqlite.Config{})
	if err != nil {
		d.t.Fatal(err)
	}
	d.store = &countingStore{Store: s}
	d.Accounts = New(Config{Store: d.store, Now: d.clock, Hash: Cost{MiB: 1, Passes: 1}})
}

func (d *desk) stop() {
	if err := d.store.Close(); err != nil {
		d.t.Error(err)
	}
}

func (d *desk) restart() {
	d.t.Helper()
	d.stop()
	d.start()
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *desk) later(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

// owner sets the server up with ada.
func (d *desk) owner() SignedIn {
	d.t.Helper()
	token, err := d.SetupToken(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	in, err := d.SetUp(d.t.Context(), token, "Ada", pass, remote)
	if err != nil {
		d.t.Fatal(err)
	}
	return in
}

// add makes a person of a role and signs them in.
func (d *desk) add(by Actor, name string, role roost.Role) SignedIn {
	d.t.Helper()
	if _, err := d.AddPerson(d.t.Context(), by, roost.Home, NewPerson{name, pass, role}); err != nil {
		d.t.Fatal(err)
	}
	in, err := d.SignIn(d.t.Context(), name, pass, remote)
	if err != nil {
		d.t.Fatal(err)
	}
	return in
}

// kind wants err to be of kind k with these words in its message.
func kind(t *testing.T, what string, err error, k roost.ErrorKind, words ...string) {
	t.Helper()
	if err == nil || roost.KindOf(err) != k {
		t.Errorf("%s: error %v, want one of kind %d", what, err, k)
		return
	}
	for _, w := range words {
		if !strings.Contains(roost.Message(err), w) {
			t.Errorf("%s: message %q lacks %q", what, roost.Message(err), w)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSetUpMakesTheOwnerOnce(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	if needs, err := d.NeedsSetup(ctx); !needs || err != nil {
		t.Fatalf("a new server needs set-up: %v, %v", needs, err)
	}
	old, err := d.SetupToken(ctx)
	must(t, err)
	d.restart()
	token, err := d.SetupToken(ctx)
	must(t, err)
	for name, wrong := range map[string]string{"of before the restart": old, "empty": "", "cut": token[:20]} {
		_, err := d.SetUp(ctx, wrong, "Ada", pass, remote)
		kind(t, "the token "+name, err, roost.Denied)
	}
	_, err = d.SetUp(ctx, token, "Ada", "short", remote)
	kind(t, "a short password", err, roost.Invalid, "at least 10")
	d.restart() // without a new token: the printed link stays good
	in, err := d.SetUp(ctx, token, " Ada ", pass, remote)
	must(t, err)
	if in.Actor.Name != "Ada" || in.Actor.Role(roost.Home) != roost.Owner || in.Actor.Role("any") != roost.Owner {
		t.Errorf("signed in as %+v, want Ada, owner of all", in.Actor)
	}
	if actor, err := d.BySession(ctx, in.Secret); err != nil || actor.ID != in.Actor.ID {
		t.Errorf("the session is of %v (%v)", actor, err)
	}
	_, err = d.SetUp(ctx, token, "Eve", pass, remote)
	kind(t, "the token again", err, roost.Denied)
	_, err = d.SetupToken(ctx)
	kind(t, "another token", err, roost.Conflict)
	d.restart()
	if needs, err := d.NeedsSetup(ctx); needs || err != nil {
		t.Errorf("needs set-up after it: %v, %v", needs, err)
	}
}

func TestManySetUpsAtOnceMakeOneOwner(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	token, err := d.SetupToken(ctx)
	must(t, err)
	var all sync.WaitGroup
	won := make(chan string, 8)
	for i := range 8 {
		all.Go(func() {
			name := fmt.Sprint("p", i)
			if _, err := d.SetUp(ctx, token, name, pass, remote); err == nil {
				won <- name
			}
		})
	}
	all.Wait()
	people, err := d.store.People(ctx)
	must(t, err)
	if len(won) != 1 || len(people) != 1 || people[0].Name != <-won {
		t.Errorf("%d won and there are %v, want one", len(won), people)
	}
}

func TestSignIn(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.owner()
	for _, name := range []string{"Ada", "ada", " ADA "} {
		if in, err := d.SignIn(ctx, name, pass, remote); err != nil || in.Actor.Name != "Ada" {
			t.Errorf("%q signs in as %q (%v)", name, in.Actor.Name, err)
		}
	}
	_, err := d.SignIn(ctx, "Ada", pass+"x", remote)
	kind(t, "a wrong password", err, roost.Unauthorized)
	wrong := roost.Message(err)
	for name, password := range map[string]string{"Bob": pass, "": "", "Ada": strings.Repeat("x", 1<<20)} {
		_, err := d.SignIn(ctx, name, password, remote)
		kind(t, name, err, roost.Unauthorized)
		if roost.Message(err) != wrong {
			t.Errorf("%q is told %q, a wrong password %q: they must not differ", name, roost.Message(err), wrong)
		}
	}
}

func TestUnknownNameCostsAHashToo(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	for range hashesAtOnce {
		must(t, d.hasher.enter(ctx)) // all places taken: whoever hashes has to wait
	}
	short, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		_, err := d.SignIn(short, "nobody", pass, remote)
		done <- err
	}()
	for deadline := time.Now().Add(time.Minute); d.hasher.waiting.Load() != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("an unknown name waits for no hash")
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want cancelled", err)
	}
}

func TestGuessesOfOneNameAreSlowedDown(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.owner()
	from := func(i int) string { return fmt.Sprintf("198.51.100.%d:1", i%250) }
	var waits []time.Duration
	for i := range 12 {
		_, err := d.SignIn(ctx, "Ada", "wrong", from(i))
		if e, ok := errors.AsType[*Throttled](err); ok {
			kind(t, "a guess too early", err, roost.TooMany, "try again in")
			if _, err := d.SignIn(ctx, "ada", pass, from(i+100)); roost.KindOf(err) != roost.TooMany {
				t.Errorf("the right password while throttled: %v, want too many", err)
			}
			waits = append(waits, e.Wait)
			d.later(e.Wait)
			_, err = d.SignIn(ctx, "Ada", "wrong", from(i+50))
		}
		kind(t, "a guess in time", err, roost.Unauthorized)
	}
	want := []time.Duration{1e9, 2e9, 4e9, 8e9, 16e9, 30e9, 30e9}
	if fmt.Sprint(waits) != fmt.Sprint(want) {
		t.Errorf("waits %v, want %v", waits, want)
	}
	d.later(30 * time.Second)
	if _, err := d.SignIn(ctx, "Ada", pass, remote); err != nil {
		t.Errorf("the right password after the wait: %v", err)
	}
	for range 5 {
		_, err := d.SignIn(ctx, "Ada", "wrong", from(7))
		kind(t, "after success the count begins anew", err, roost.Unauthorized)
	}
	_, err := d.SignIn(ctx, "Ada", pass, from(8))
	kind(t, "from a new address after five guesses more", err, roost.TooMany)
	if _, err := d.SignIn(ctx, "Ada", pass, remote); err != nil {
		t.Errorf("from where Ada signed in before, strangers' guesses count: %v", err)
	}
	for range 6 {
		_, err = d.SignIn(ctx, "Ada", "wrong", remote)
	}
	kind(t, "six guesses from there", err, roost.TooMany)
}

func TestGuessesFromOneAddressAreSlowedDown(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.owner()
	from := func(i int) string { return fmt.Sprintf("[2001:db8::%x]:1", i+1) } // one machine's /64
	for i := range 20 {
		_, err := d.SignIn(ctx, fmt.Sprint("name", i), "wrong", from(i))
		kind(t, "a guess", err, roost.Unauthorized)
	}
	_, err := d.SignIn(ctx, "Ada", pass, from(99))
	kind(t, "the 21st from there", err, roost.TooMany)
	if _, err := d.SignIn(ctx, "Ada", pass, "[2001:db8:0:1::1]:1"); err != nil {
		t.Errorf("from the network beside it: %v", err)
	}
}

// Tries that come too early for a name are not looked at, so the address that
// they come from (a proxy's, perhaps) pays nothing for them.
func TestTriesTooEarlyCostTheAddressNothing(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.owner()
	for range 40 {
		_, _ = d.SignIn(ctx, "Bob", "wrong", "203.0.113.1")
	}
	if _, err := d.SignIn(ctx, "Ada", pass, "203.0.113.1"); err != nil {
		t.Errorf("Ada after 40 tries of Bob: %v", err)
	}
}

func TestGuessesAtOnceCountEach(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.owner()
	var all sync.WaitGroup
	looked := make(chan int, 50)
	for i := range 50 {
		all.Go(func() {
			_, err := d.SignIn(ctx, "Ada", "wrong", fmt.Sprintf("198.51.100.%d", i))
			if roost.KindOf(err) == roost.Unauthorized {
				looked <- i
			}
		})
	}
	all.Wait()
	if n := len(looked); n != 5 {
		t.Errorf("%d of 50 guesses at once were looked at, want 5", n)
	}
}
