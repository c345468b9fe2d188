package sqlite

import (
	"context"
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

func TestUpkeepDeletesWhatHasHadItsTime(t *testing.T) {
	s, ctx := openNew(t, Config{}), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	must(s.SavePerson(ctx, roost.Person{ID: "p1", Name: "Ada", Roles: map[roost.ProjectID]roost.Role{roost.Home: roost.Owner}, Created: now}))
	over, open := roost.Secret{1}, roost.Secret{2}
	must(s.SaveSession(ctx, roost.Session{Hash: over, Person: "p1", Created: now, Expires: now.Add(-time.Second)}))
	must(s.SaveSession(ctx, roost.Session{Hash: open, Person: "p1", Created: now, Expires: now.Add(time.Hour)}))
	for i := range 7 {
		must(s.SaveAudit(ctx, roost.AuditEntry{Project: roost.Home, At: now.AddDate(-2, 0, -1-i), Act: "old"}))
	}
	must(s.SaveAudit(ctx, roost.AuditEntry{Project: roost.Home, At: now.AddDate(-2, 0, 1), Act: "young"}))
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(running) }()
	defer func() { stop(); <-ended }()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		log, err := s.AuditLog(ctx, roost.Home, 0, 0)
		must(err)
		if len(log) == 1 && log[0].Act == "young" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the log still has %d entries", len(log))
		}
	}
	if _, err := s.Session(ctx, over); roost.KindOf(err) != roost.NotFound {
		t.Errorf("an ended session is there (%v)", err)
	}
	_, err := s.Session(ctx, open)
	must(err)
}
