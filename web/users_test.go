package web

import "testing"

func TestAccountIDsAreForOwnersAndOneself(t *testing.T) {
	h := open(t)
	ada := h.owner()
	ada.want(201, "POST", "/users", map[string]any{"name": "grace", "password": password, "role": "viewer"})
	grace := h.browser()
	grace.want(200, "POST", "/session", map[string]any{"name": "grace", "password": password})
	seen := func(b *browser) (mine, hers string) {
		t.Helper()
		users := b.want(200, "GET", "/users", nil)["users"].([]any)
		return users[0].(map[string]any)["accountId"].(string), users[1].(map[string]any)["accountId"].(string)
	}
	if mine, hers := seen(ada); len(mine) != 22 || len(hers) != 22 || mine == hers {
		t.Errorf("the owner sees %q and %q", mine, hers)
	}
	if owners, own := seen(grace); owners != "" || len(own) != 22 {
		t.Errorf("a viewer sees %q and their own, %q", owners, own)
	}
	if owners, hers := seen(h.as(ada, "viewer")); owners != "" || hers != "" {
		t.Errorf("a token of a viewer sees %q and %q", owners, hers)
	}
}
