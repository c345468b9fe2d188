package account

import (
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

func TestSessionInUseCostsNoQuery(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	in := d.owner()
	for range 100 {
		if _, err := d.BySession(ctx, in.Secret); err != nil {
			t.Fatal(err)
		}
	}
	if d.store.loads != 1 || d.store.touches != 0 {
		t.Errorf("%d loads and %d touches for 100 requests, want 1 and 0", d.store.loads, d.store.touches)
	}
	d.later(time.Minute)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := d.BySession(ctx, in.Secret); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if d.store.loads != 1 || d.store.touches < 1 {
		t.Errorf("%d loads, %d touches a minute later, want 1 and at least 1", d.store.loads, d.store.touches)
	}
	p, err := d.store.Person(ctx, in.Actor.ID)
	if err != nil || !p.LastSeen.Equal(d.clock()) {
		t.Errorf("last seen %v (%v), want %v", p.LastSeen, err, d.clock())
	}
}

func TestSessionSlidesAndEnds(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	in := d.owner()
	idle, err := d.SignIn(ctx, "Ada", pass, remote)
	must(t, err)
	for range 3 {
		d.later(SessionLife - time.Second)
		if _, err := d.BySession(ctx, in.Secret); err != nil {
			t.Fatalf("a session used within 30 days: %v", err)
		}
	}
	_, err = d.BySession(ctx, idle.Secret)
	kind(t, "a session that nobody used", err, roost.Unauthorized)
	d.later(SessionLife - time.Second)
	d.restart()
	if _, err := d.BySession(ctx, in.Secret); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	d.later(SessionLife)
	_, err = d.BySession(ctx, in.Secret)
	kind(t, "30 days later", err, roost.Unauthorized)
	for name, secret := range map[string]string{"none": "", "made up": newSecret()} {
		_, err = d.BySession(ctx, secret)
		kind(t, name, err, roost.Unauthorized)
	}
}

func TestSignOut(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	in := d.owner()
	other, err := d.SignIn(ctx, "Ada", pass, remote)
	must(t, err)
	for range 2 {
		must(t, d.SignOut(ctx, in.Secret))
		_, err := d.BySession(ctx, in.Secret)
		kind(t, "signed out", err, roost.Unauthorized)
	}
	if _, err := d.BySession(ctx, other.Secret); err != nil {
		t.Errorf("the other session: %v", err)
	}
}

func TestNewPasswordEndsTheOtherSessions(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.owner()
	here, err := d.SignIn(ctx, "Ada", pass, remote)
	must(t, err)
	there, err := d.SignIn(ctx, "Ada", pass, remote)
	must(t, err)
	_, err = d.BySession(ctx, there.Secret) // known without a query from now on
	must(t, err)
	actor, err := d.BySession(ctx, here.Secret)
	must(t, err)
	for password, words := range map[string]string{
		"short": "at least 10", "a\xffb456789012": "valid text",
		string(make([]byte, 2000)): "longer than",
	} {
		kind(t, "a bad new password", d.ChangePassword(ctx, actor, pass, password, remote), roost.Invalid, words)
	}
	kind(t, "a wrong current one", d.ChangePassword(ctx, actor, "wrong", "a new password", remote), roost.Invalid, "current password")
	must(t, d.ChangePassword(ctx, actor, pass, "a new password", remote))
	_, err = d.BySession(ctx, there.Secret)
	kind(t, "the session elsewhere", err, roost.Unauthorized)
	if _, err := d.BySession(ctx, here.Secret); err != nil {
		t.Errorf("this session: %v", err)
	}
	_, err = d.SignIn(ctx, "Ada", pass, remote)
	kind(t, "the old password", err, roost.Unauthorized)
	_, err = d.SignIn(ctx, "Ada", "a new password", remote)
	must(t, err)
}

func TestHashIsRenewedWhenTheCostChanges(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	in := d.owner()
	d.hasher = newHasher(Cost{MiB: 2, Passes: 1})
	for range 2 {
		_, err := d.SignIn(ctx, "Ada", pass, remote)
		must(t, err)
		p, err := d.store.Person(ctx, in.Actor.ID)
		must(t, err)
		if kib, _, _, _, err := decodeHash(p.PasswordHash); kib != 2048 || err != nil {
			t.Errorf("hash at %d KiB (%v), want 2048", kib, err)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache[int](3)
	for i := range 10 {
		_, epoch, _ := c.get(roost.Secret{0})
		c.put(roost.Secret{byte(i)}, i, epoch)
	}
	if _, _, ok := c.get(roost.Secret{0}); !ok {
		t.Error("the entry used last was dropped")
	}
	if len(c.at) != 3 || c.order.Len() != 3 {
		t.Errorf("%d entries, want 3", len(c.at))
	}
}

// What was loaded before a change must not be put back after it.
func TestCacheTakesNothingStale(t *testing.T) {
	c := newCache[int](3)
	_, epoch, _ := c.get(roost.Secret{1})
	c.drop(roost.Secret{1})
	c.put(roost.Secret{1}, 1, epoch)
	if _, _, ok := c.get(roost.Secret{1}); ok {
		t.Error("a stale entry was kept")
	}
}
