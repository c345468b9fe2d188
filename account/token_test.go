package account

import (
	"regexp"
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

func TestTokenLetsIn(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	owner := d.owner().Actor
	made, secret, err := d.AddToken(ctx, owner, roost.Home, NewToken{Name: " ci ", Role: roost.Operator, Expires: d.clock().Add(time.Hour)})
	must(t, err)
	if !regexp.MustCompile(`^rst_[0-9a-z]{32}$`).MatchString(secret) || made.Name != "ci" || made.By != "Ada" {
		t.Errorf("secret %q, token %+v", secret, made)
	}
	for range 50 {
		actor, err := d.ByToken(ctx, secret)
		if err != nil || actor.Name != "token ci" || actor.Role(roost.Home) != roost.Operator || actor.Role("lab") != "" {
			t.Fatalf("the token is %+v (%v)", actor, err)
		}
	}
	if d.store.loads != 1 || d.store.touches != 1 {
		t.Errorf("%d loads and %d touches for 50 requests, want 1 and 1", d.store.loads, d.store.touches)
	}
	tokens, err := d.Tokens(ctx, owner, roost.Home)
	if err != nil || len(tokens) != 1 || !tokens[0].LastUsed.Equal(d.clock()) {
		t.Errorf("tokens %+v (%v), want one used now", tokens, err)
	}
	for name, bad := range map[string]string{"none": "", "no token": "hello", "made up": newToken(), "cut": secret[:35]} {
		_, err := d.ByToken(ctx, bad)
		kind(t, name, err, roost.Unauthorized)
	}
	d.later(time.Hour)
	_, err = d.ByToken(ctx, secret)
	kind(t, "an hour later", err, roost.Unauthorized, "expired")
}

func TestTokenRemoved(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	owner := d.owner().Actor
	made, secret, err := d.AddToken(ctx, owner, roost.Home, NewToken{Name: "ci", Role: roost.Owner})
	must(t, err)
	actor, err := d.ByToken(ctx, secret)
	must(t, err)
	kind(t, "in another project", d.RemoveToken(ctx, owner, "lab", made.ID), roost.NotFound)
	must(t, d.RemoveToken(ctx, actor, roost.Home, made.ID)) // by itself
	_, err = d.ByToken(ctx, secret)
	kind(t, "removed", err, roost.Unauthorized, "removed")
	kind(t, "again", d.RemoveToken(ctx, owner, roost.Home, made.ID), roost.NotFound)
}

func TestTokenRefused(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	owner := d.owner().Actor
	for what, n := range map[string]NewToken{
		"no name":      {Role: roost.Viewer},
		"no role":      {Name: "x"},
		"expired":      {Name: "x", Role: roost.Viewer, Expires: d.clock()},
		"unknown role": {Name: "x", Role: "root"},
	} {
		_, _, err := d.AddToken(ctx, owner, roost.Home, n)
		kind(t, what, err, roost.Invalid)
	}
}

// A token never may more than its maker, also when the maker falls later.
func TestTokenFallsWithItsMaker(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	ada := d.owner().Actor
	bob := d.add(ada, "Bob", roost.Owner).Actor
	_, secret, err := d.AddToken(ctx, bob, roost.Home, NewToken{Name: "ci", Role: roost.Owner})
	must(t, err)
	byToken, err := d.ByToken(ctx, secret)
	must(t, err)
	_, child, err := d.AddToken(ctx, byToken, roost.Home, NewToken{Name: "child", Role: roost.Operator})
	must(t, err)

	down := roost.Viewer
	_, err = d.ChangePerson(ctx, ada, roost.Home, bob.ID, PersonChange{Role: &down})
	must(t, err)
	for _, s := range []string{secret, child} {
		actor, err := d.ByToken(ctx, s)
		if err != nil || actor.Role(roost.Home) != roost.Viewer {
			t.Errorf("a token of a viewer is %q (%v)", actor.Role(roost.Home), err)
		}
		kind(t, "what it may", actor.Allowed(roost.Home, Operate), roost.Denied, "this token is viewer")
	}
	must(t, d.RemovePerson(ctx, ada, roost.Home, bob.ID))
	for _, s := range []string{secret, child} {
		_, err = d.ByToken(ctx, s)
		kind(t, "its maker is gone", err, roost.Unauthorized)
	}
}

func TestTokenCannotChangeAPassword(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	owner := d.owner().Actor
	_, secret, err := d.AddToken(ctx, owner, roost.Home, NewToken{Name: "ci", Role: roost.Owner})
	must(t, err)
	actor, err := d.ByToken(ctx, secret)
	must(t, err)
	kind(t, "by token", d.ChangePassword(ctx, actor, pass, "another password", remote), roost.Denied)
}

func TestLocalTokenIsMadeAnewAndHidden(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	first, err := d.LocalToken(ctx) // before anybody owns the server
	must(t, err)
	actor, err := d.ByToken(ctx, first)
	if err != nil || actor.Name != LocalName || actor.Allowed("lab", Own) != nil {
		t.Errorf("the machine is %+v (%v), want owner of all", actor, err)
	}
	d.restart()
	next, err := d.LocalToken(ctx)
	must(t, err)
	_, err = d.ByToken(ctx, first)
	kind(t, "the one before", err, roost.Unauthorized)
	actor, err = d.ByToken(ctx, next)
	must(t, err)
	tokens, err := d.Tokens(ctx, actor, roost.Home)
	if err != nil || len(tokens) != 0 {
		t.Errorf("the list shows %v (%v)", tokens, err)
	}
	kind(t, "removing it", d.RemoveToken(ctx, actor, roost.Home, localID), roost.NotFound)
	_, secret, err := d.AddToken(ctx, actor, roost.Home, NewToken{Name: "ci", Role: roost.Operator})
	must(t, err)
	if made, err := d.ByToken(ctx, secret); err != nil || made.Role(roost.Home) != roost.Operator {
		t.Errorf("a token made on the machine is %+v (%v)", made, err)
	}
}
