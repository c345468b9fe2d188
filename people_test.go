package roost

import "testing"

func TestRolesAreOrdered(t *testing.T) {
	order := []Role{"", Viewer, Operator, Owner}
	for i, a := range order {
		for j, b := range order {
			if got, want := a.AtLeast(b), i >= j && i > 0; got != want {
				t.Errorf("%q at least %q: %v", a, b, got)
			}
			if got := a.Lower(b); got != order[min(i, j)] {
				t.Errorf("lower of %q and %q: %q", a, b, got)
			}
		}
	}
	if Role("admin").Valid() || Role("admin").AtLeast("") {
		t.Error("an unknown word is a role")
	}
}

func TestOwnersOfHomeOwnEveryProject(t *testing.T) {
	p := Person{Roles: map[ProjectID]Role{Home: Operator, "lab": Owner}}
	if p.RoleIn("lab") != Owner || p.RoleIn(Home) != Operator || p.RoleIn("x") != "" {
		t.Errorf("roles of %v", p.Roles)
	}
	p.Roles[Home] = Owner
	if p.RoleIn("x") != Owner {
		t.Error("an owner of home does not own x")
	}
}

func TestNamesAreComparedWithoutCase(t *testing.T) {
	for _, pair := range [][2]string{{"Ada", " aDA\t"}, {"Böb", "BÖB"}, {"ſ", "S"}} {
		if NameKey(pair[0]) != NameKey(pair[1]) {
			t.Errorf("%q and %q are two names", pair[0], pair[1])
		}
	}
	if NameKey("ada") == NameKey("adb") {
		t.Error("two names are one")
	}
}
