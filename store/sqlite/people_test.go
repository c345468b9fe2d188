package sqlite

import (
	"database/sql"
	"path/filepath"
	"regexp"
	"testing"
)

func TestPeopleOfBeforeGetAccountIDs(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	db, err := sql.Open("sqlite", filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	all, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all[:5] {
		if err := m.apply(ctx, db); err != nil {
			t.Fatal(err)
		}
	}
	_, err = db.ExecContext(ctx, `INSERT INTO people (id, name, name_key, password, created_ms, last_seen_ms)
		VALUES ('p1', 'Ada', 'ada', 'x', 1, 0), ('p2', 'Bob', 'bob', 'x', 2, 0)`)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(ctx, dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	people, err := s.People(ctx)
	if err != nil || len(people) != 2 {
		t.Fatalf("%v, %v", people, err)
	}
	for _, p := range people {
		if !regexp.MustCompile(`^[A-Za-z0-9]{22}$`).MatchString(p.Account) {
			t.Errorf("%s has the account id %q", p.Name, p.Account)
		}
	}
	if people[0].Account == people[1].Account {
		t.Error("two people of one account id")
	}
}
