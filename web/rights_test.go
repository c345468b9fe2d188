package web

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
)

// openToAll are the operations that nobody needs a role for.
var openToAll = []string{"get-session", "set-up", "sign-in", "sign-out", "get-site"}

// forOwners are the operations on people, tokens and for deletion.
var forOwners = []string{
	"delete-thing", "add-user", "change-user", "remove-user", "add-token", "remove-token", "add-gateway", "revoke-gateway",
	"delete-app", "add-release", "remove-release", "import-key", "remove-key", "add-firmware", "remove-firmware",
	"add-runtime", "remove-runtime",
}

// ownDoings are what everybody may do with what is their own; tokens have nothing.
var ownDoings = []string{"change-password", "get-account", "change-account", "delete-account", "add-own-token", "remove-own-token"}

var pathParameter = regexp.MustCompile(`\{[a-z]+\}`)

// TestRolesAreEnforced calls every operation of the document as everybody. What it
// sends is of no use, so that whoever may call it gets another refusal.
func TestRolesAreEnforced(t *testing.T) {
	h := open(t)
	ada := h.owner()
	callers := map[roost.Role]*browser{"": h.browser()}
	for _, role := range []roost.Role{roost.Viewer, roost.Operator, roost.Owner} {
		callers[role] = h.as(ada, string(role))
	}
	for _, d := range readContract(t, ada).operations() {
		needs := roost.Role(d.role())
		if !needs.Valid() && !slices.Contains(openToAll, d.id()) {
			t.Errorf("%s is open to %q", d.id(), d.role())
		}
		if (needs == roost.Owner) != slices.Contains(forOwners, d.id()) {
			t.Errorf("%s needs %q", d.id(), needs)
		}
		ownDoing := slices.Contains(ownDoings, d.id())
		if d.method != "GET" && needs == roost.Viewer && !ownDoing {
			t.Errorf("%s changes something and needs no more than a viewer", d.id())
		}
		path := strings.TrimPrefix(pathParameter.ReplaceAllString(d.path, "nobody-here"), apiRoot)
		for role, b := range callers {
			res, text := b.send(d.method, path, nil)
			switch want := refusalFor(role, needs); {
			case want != 0 && res.StatusCode != want:
				t.Errorf("%s as %q: %d, want %d: %s", d.id(), role, res.StatusCode, want, text)
			case want == 0 && !ownDoing && (res.StatusCode == 401 || res.StatusCode == 403):
				t.Errorf("%s as %q: refused with %d: %s", d.id(), role, res.StatusCode, text)
			case want == 403 && !strings.Contains(string(text), string(needs)):
				t.Errorf("%s as %q: the refusal does not name %q: %s", d.id(), role, needs, text)
			}
		}
	}
}

// refusalFor is the status by which role is refused what needs another, 0 if it is not.
func refusalFor(role, needs roost.Role) int {
	switch {
	case !needs.Valid() || role.AtLeast(needs):
		return 0
	case role == "":
		return 401
	}
	return 403
}

func TestLosingARoleCountsAtOnce(t *testing.T) {
	h := open(t)
	ada := h.owner()
	grace := ada.want(201, "POST", "/users", map[string]any{"name": "grace", "password": password, "role": "operator"})
	b := h.browser()
	b.want(200, "POST", "/session", map[string]any{"name": "grace", "password": password})
	h.arrive("node1", true)
	b.want(200, "PATCH", "/things/node1", map[string]any{"name": "x"})
	ada.want(200, "PATCH", "/users/"+grace["id"].(string), map[string]any{"role": "viewer"})
	b.want(403, "PATCH", "/things/node1", map[string]any{"name": "y"})
	ada.want(204, "DELETE", "/users/"+grace["id"].(string), nil)
	b.want(401, "GET", "/things", nil)
}

func TestLastOwnerStays(t *testing.T) {
	h := open(t)
	ada := h.owner()
	id := ada.want(200, "GET", "/users", nil)["users"].([]any)[0].(map[string]any)["id"].(string)
	ada.want(409, "DELETE", "/users/"+id, nil)
	ada.want(409, "PATCH", "/users/"+id, map[string]any{"role": "viewer"})
}
