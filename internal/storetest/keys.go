package storetest

import (
	"testing"

	"github.com/roost-iot/roost"
)

func testGatewayKeys(t *testing.T, b *bench) {
	ctx := t.Context()
	b.addOther()
	same(t, "a new store", get(b.GatewayKeys(ctx))(t), []roost.GatewayKey(nil))
	roof := roost.GatewayKey{ID: "k1", Project: roost.Home, Name: "roof", Secret: "s", Private: [32]byte{1, 31: 2}, Created: t0, By: "Ada"}
	barn := roost.GatewayKey{ID: "k2", Project: other, Name: "roof", Secret: "ß", Private: [32]byte{3}, Created: after(1), By: "Bob", LastSeen: after(2)}
	b.must(b.SaveGatewayKey(ctx, roof))
	b.must(b.SaveGatewayKey(ctx, barn))
	roof.LastSeen = after(9)
	b.must(b.TouchGatewayKey(ctx, "k1", after(9)))
	b.must(b.TouchGatewayKey(ctx, "nobody", after(9)))
	b.reopen()
	same(t, "keys, oldest first", get(b.GatewayKeys(ctx))(t), []roost.GatewayKey{roof, barn})
	roof.Secret, roof.Private, roof.Revoked = "", [32]byte{}, after(10)
	b.must(b.SaveGatewayKey(ctx, roof))
	b.reopen()
	same(t, "a revoked one", get(b.GatewayKeys(ctx))(t), []roost.GatewayKey{roof, barn})
	b.kind(b.SaveGatewayKey(ctx, roost.GatewayKey{ID: "k3", Project: "nowhere", Name: "x"}), roost.NotFound)
}

func testCredentials(t *testing.T, b *bench) {
	ctx := t.Context()
	b.addOther()
	same(t, "a new store", get(b.Credentials(ctx))(t), []roost.Credential(nil))
	kitchen := roost.Credential{ID: "c1", Project: roost.Home, Own: "kitchen", Hash: roost.Secret{1, 31: 9}, Created: t0, By: "Ada"}
	theirs := roost.Credential{ID: "c2", Project: other, Own: "kitchen", Hash: roost.Secret{2}, Created: after(1), By: "Bob"}
	b.must(b.SaveCredential(ctx, kitchen))
	b.must(b.SaveCredential(ctx, theirs))
	twin := kitchen
	twin.ID = "c3"
	b.kind(b.SaveCredential(ctx, twin), roost.Conflict)
	kitchen.LastUsed = after(5)
	b.must(b.TouchCredential(ctx, "c1", after(5)))
	b.must(b.TouchCredential(ctx, "nobody", after(5)))
	b.reopen()
	same(t, "credentials, oldest first", get(b.Credentials(ctx))(t), []roost.Credential{kitchen, theirs})
	b.kind(b.DeleteCredential(ctx, other, "c1"), roost.NotFound)
	b.must(b.DeleteCredential(ctx, roost.Home, "c1"))
	b.kind(b.DeleteCredential(ctx, roost.Home, "c1"), roost.NotFound)
	b.must(b.SaveCredential(ctx, twin)) // the id is free again
	b.reopen()
	same(t, "after removal", get(b.Credentials(ctx))(t), []roost.Credential{twin, theirs}) // twin is as old as kitchen was
	b.kind(b.SaveCredential(ctx, roost.Credential{ID: "c9", Project: "nowhere", Own: "x"}), roost.NotFound)
}
