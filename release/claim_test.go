package release_test

import (
	"fmt"
	"testing"

	"github.com/roost-iot/roost"
)

// A device that is moved to another app downloads it only if the id of the commit is
// another than that of what it has.
func TestCommitsOfAllAppsHaveIDsOfTheirOwn(t *testing.T) {
	r := newRoom(t, nil)
	seen := map[string]roost.AppID{}
	check := func(id string, a roost.AppID) {
		if other, taken := seen[id]; taken {
			t.Errorf("commit %s is one of %s and of %s", id, other, a)
		}
		seen[id] = a
	}
	for i := range 3 {
		a := r.app(fmt.Sprintf("Blink %d", i))
		check(r.pool(a, "development").Commit, a.ID)
		check(r.commit(a, "x").ID, a.ID)
	}
	r.reopen()
	none := get(r.NoApp(t.Context(), roost.Home))(t)
	check(r.pool(none, none.DefaultPool).Commit, none.ID)
	a := r.app("Blink 3")
	check(r.pool(a, "development").Commit, a.ID)
}
