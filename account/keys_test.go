package account

import (
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

func TestGatewayKeyLetsInUntilItIsRevoked(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	ada := d.owner().Actor
	if ring := d.Keyring(); len(ring) != 0 {
		t.Fatalf("a new server has the keys %v", ring)
	}
	roof, err := d.AddGatewayKey(ctx, ada, roost.Home, " Roof ")
	must(t, err)
	barn, err := d.AddGatewayKey(ctx, ada, roost.Home, "Barn")
	must(t, err)
	if roof.Name != "Roof" || roof.By != "Ada" || len(roof.Secret) != 32 || roof.Private == [32]byte{} || roof.Secret == barn.Secret || roof.Private == barn.Private {
		t.Errorf("keys %+v and %+v", roof, barn)
	}
	_, err = d.AddGatewayKey(ctx, ada, roost.Home, "rOOF")
	kind(t, "a name twice", err, roost.Conflict, "Roof")
	_, err = d.AddGatewayKey(ctx, ada, roost.Home, " ")
	kind(t, "no name", err, roost.Invalid)
	_, err = d.AddGatewayKey(ctx, ada, "lab", "Roof")
	kind(t, "an unknown project", err, roost.NotFound)
	d.restart()
	if ring := d.Keyring(); len(ring) != 2 || ring[0].Secret != roof.Secret || ring[1].Private != barn.Private {
		t.Errorf("after a restart the ring is %v", ring)
	}
	before := d.Keyring()
	must(t, d.RevokeGatewayKey(ctx, ada, roost.Home, roof.ID))
	if before[0].Secret != roof.Secret || before[0].ID != roof.ID {
		t.Error("a ring that was given out has changed")
	}
	kind(t, "again", d.RevokeGatewayKey(ctx, ada, roost.Home, roof.ID), roost.NotFound)
	kind(t, "in another project", d.RevokeGatewayKey(ctx, ada, "lab", barn.ID), roost.NotFound)
	shown, err := d.GatewayKeys(ctx, ada, roost.Home)
	if err != nil || len(shown) != 1 || shown[0].ID != barn.ID || shown[0].Secret != "" || shown[0].Private != [32]byte{} {
		t.Errorf("the list shows %+v (%v), want Barn without its secrets", shown, err)
	}
	d.restart()
	if ring := d.Keyring(); len(ring) != 1 || ring[0].ID != barn.ID {
		t.Errorf("after a restart the ring is %v, want Barn alone", ring)
	}
	kept, err := d.store.GatewayKeys(ctx)
	must(t, err)
	if kept[0].Secret != "" || kept[0].Private != [32]byte{} || kept[0].Revoked.IsZero() {
		t.Errorf("of a revoked key there is still %+v", kept[0])
	}
	_, err = d.AddGatewayKey(ctx, ada, roost.Home, "Roof") // the name is free again
	must(t, err)
}

func TestKeysNeedTheirRights(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	ada := d.owner().Actor
	op, viewer := d.add(ada, "Oli", roost.Operator).Actor, d.add(ada, "Vi", roost.Viewer).Actor
	k, err := d.AddGatewayKey(ctx, ada, roost.Home, "roof")
	must(t, err)
	_, err = d.AddGatewayKey(ctx, op, roost.Home, "barn")
	kind(t, "an operator's key", err, roost.Denied, "owner")
	kind(t, "an operator's revocation", d.RevokeGatewayKey(ctx, op, roost.Home, k.ID), roost.Denied)
	_, err = d.GatewayKeys(ctx, viewer, roost.Home)
	must(t, err)
	_, err = d.GatewayKeys(ctx, Actor{}, roost.Home)
	kind(t, "nobody's list", err, roost.Unauthorized)
	c, _, err := d.AddCredential(ctx, op, roost.Home, "kitchen")
	must(t, err)
	_, _, err = d.AddCredential(ctx, viewer, roost.Home, "hall")
	kind(t, "a viewer's credential", err, roost.Denied, "operator")
	_, err = d.RemoveCredential(ctx, viewer, roost.Home, c.ID)
	kind(t, "a viewer's removal", err, roost.Denied)
	_, err = d.Credentials(ctx, viewer, roost.Home)
	must(t, err)
	log, err := d.AuditLog(ctx, ada, roost.Home, 0, 2)
	if err != nil || len(log) != 2 || log[0].Act != "credential.add" || log[1].Act != "gateway.add" || log[0].Detail != "kitchen" {
		t.Errorf("the log says %+v (%v)", log, err)
	}
}

func TestGatewayIsSeenOnceAMinute(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	k, err := d.AddGatewayKey(ctx, d.owner().Actor, roost.Home, "roof")
	must(t, err)
	first := d.clock()
	for range 10 {
		d.SeeGateway(ctx, k.ID)
		d.later(time.Second)
	}
	d.SeeGateway(ctx, "nobody")
	if seen := d.Keyring()[0].LastSeen; !seen.Equal(first) {
		t.Errorf("seen %v, want %v", seen, first)
	}
	d.restart()
	if seen := d.Keyring()[0].LastSeen; !seen.Equal(first) {
		t.Errorf("after a restart seen %v, want %v", seen, first)
	}
	d.later(time.Minute)
	d.SeeGateway(ctx, k.ID)
	if seen := d.Keyring()[0].LastSeen; !seen.Equal(d.clock()) {
		t.Errorf("a minute later seen %v", seen)
	}
}

func TestCredentialBindsAThing(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	ada := d.owner().Actor
	if id := d.Bound(roost.Home, "kitchen"); id != "" {
		t.Errorf("kitchen is bound by %q before anything was", id)
	}
	c, password, err := d.AddCredential(ctx, ada, roost.Home, "kitchen")
	must(t, err)
	other, second, err := d.AddCredential(ctx, ada, roost.Home, "Küche 2")
	must(t, err)
	if len(password) != 26 || password == second {
		t.Errorf("passwords %q and %q", password, second)
	}
	_, _, err = d.AddCredential(ctx, ada, roost.Home, "kitchen")
	kind(t, "a second one", err, roost.Conflict, "kitchen")
	for _, own := range []string{"", "a/b", "a+", "#", "a\x00", string(make([]byte, 200))} {
		_, _, err = d.AddCredential(ctx, ada, roost.Home, own)
		kind(t, own, err, roost.Invalid)
	}
	d.restart()
	if id := d.Bound(roost.Home, "kitchen"); id != c.ID {
		t.Errorf("kitchen is bound by %q, want %q", id, c.ID)
	}
	if id := d.Bound("lab", "kitchen"); id != "" {
		t.Errorf("the kitchen of another project is bound by %q", id)
	}
	got, err := d.CheckCredential(ctx, roost.Home, "kitchen", password)
	if err != nil || got.ID != c.ID || !got.LastUsed.Equal(d.clock()) {
		t.Errorf("it is %+v (%v)", got, err)
	}
	for _, bad := range [][2]string{{"kitchen", second}, {"kitchen", ""}, {"hall", password}, {"", ""}, {"Küche 2", password}} {
		_, err := d.CheckCredential(ctx, roost.Home, bad[0], bad[1])
		kind(t, bad[0]+" with "+bad[1], err, roost.Unauthorized)
	}
	_, err = d.CheckCredential(ctx, "lab", "kitchen", password)
	kind(t, "in another project", err, roost.Unauthorized)
	_, err = d.RemoveCredential(ctx, ada, "lab", c.ID)
	kind(t, "removed in another project", err, roost.NotFound)
	gone, err := d.RemoveCredential(ctx, ada, roost.Home, c.ID)
	if err != nil || gone.Own != "kitchen" {
		t.Errorf("removed %+v (%v)", gone, err)
	}
	_, err = d.CheckCredential(ctx, roost.Home, "kitchen", password)
	kind(t, "removed", err, roost.Unauthorized)
	left, err := d.Credentials(ctx, ada, roost.Home)
	if err != nil || len(left) != 1 || left[0].ID != other.ID || d.Bound(roost.Home, "kitchen") != "" {
		t.Errorf("left %+v (%v)", left, err)
	}
}

func TestWhileCredentialsCannotBeReadNobodyGetsIn(t *testing.T) {
	d := newDesk(t)
	must(t, d.store.Close())
	if d.Bound(roost.Home, "kitchen") == "" {
		t.Error("a thing that may be bound counts as free")
	}
	_, err := d.CheckCredential(t.Context(), roost.Home, "kitchen", "x")
	kind(t, "a check", err, roost.Unavailable)
	if ring := d.Keyring(); len(ring) != 0 {
		t.Errorf("the ring has %v", ring)
	}
}

func TestKeysChangeWhileDoorsAsk(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	ada := d.owner().Actor
	_, password, err := d.AddCredential(ctx, ada, roost.Home, "kitchen")
	must(t, err)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 200 {
				for _, k := range d.Keyring() {
					d.SeeGateway(ctx, k.ID)
				}
				if _, err := d.CheckCredential(ctx, roost.Home, "kitchen", password); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 10 {
		k, err := d.AddGatewayKey(ctx, ada, roost.Home, "roof")
		must(t, err)
		c, _, err := d.AddCredential(ctx, ada, roost.Home, "hall")
		must(t, err)
		must(t, d.RevokeGatewayKey(ctx, ada, roost.Home, k.ID))
		_, err = d.RemoveCredential(ctx, ada, roost.Home, c.ID)
		must(t, err)
	}
	all.Wait()
}
