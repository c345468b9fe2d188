package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/roost-iot/roost"
)

const selectThings = `SELECT project, id, door, own, given_name, protocol, enrolment, address, gateway, tags, widgets,
	first_heard_ms, last_heard_ms, online, online_since_ms FROM things ORDER BY project, first_heard_ms, id`

// Things gives all things of all projects, those first heard first.
func (s *Store) Things(ctx context.Context) ([]roost.Thing, error) {
	return list(ctx, s, "read things", scanThing, selectThings)
}

func scanThing(row scanner) (t roost.Thing, err error) {
	var tags, widgets string
	var first, last, since int64
	err = row.Scan(&t.Project, &t.Thing, &t.Identity.Door, &t.Identity.Own, &t.GivenName, &t.Protocol, &t.Enrolment,
		&t.Address, &t.Gateway, &tags, &widgets, &first, &last, &t.Online, &since)
	if err != nil {
		return t, err
	}
	t.FirstHeard, t.LastHeard, t.OnlineSince = at(first), at(last), at(since)
	if tags != "[]" {
		err = json.Unmarshal([]byte(tags), &t.Tags)
	}
	if widgets != "{}" && err == nil {
		err = json.Unmarshal([]byte(widgets), &t.Widgets)
	}
	return t, err
}

const saveThing = `INSERT INTO things (project, id, door, own, given_name, protocol, enrolment, address, gateway, tags, widgets,
		first_heard_ms, last_heard_ms, online, online_since_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (project, id) DO UPDATE SET door = excluded.door, own = excluded.own, given_name = excluded.given_name,
		protocol = excluded.protocol, enrolment = excluded.enrolment, address = excluded.address,
		gateway = excluded.gateway, tags = excluded.tags, widgets = excluded.widgets,
		first_heard_ms = excluded.first_heard_ms, last_heard_ms = excluded.last_heard_ms, online = excluded.online, online_since_ms = excluded.online_since_ms`

// SaveThing inserts or replaces one thing. Durable when it returns.
func (s *Store) SaveThing(ctx context.Context, t roost.Thing) error {
	return s.writeSmall(ctx, "save thing", func(tx *txn) error { return tx.saveThing(t) })
}

// SaveThings writes many, 500 in one transaction.
func (s *Store) SaveThings(ctx context.Context, ts []roost.Thing) error {
	return writeMany(ctx, s, "save things", ts, (*txn).saveThing)
}

func (t *txn) saveThing(th roost.Thing) error {
	tags, widgets := "[]", "{}"
	if len(th.Tags) > 0 {
		b, err := json.Marshal(th.Tags)
		if err != nil {
			return fmt.Errorf("encode tags: %w", err)
		}
		tags = string(b)
	}
	if len(th.Widgets) > 0 {
		b, err := json.Marshal(th.Widgets)
		if err != nil {
			return fmt.Errorf("encode widgets: %w", err)
		}
		widgets = string(b)
	}
	err := t.exec(saveThing, th.Project, th.Thing, th.Identity.Door, th.Identity.Own, th.GivenName, th.Protocol,
		th.Enrolment, th.Address, th.Gateway, tags, widgets, ms(th.FirstHeard), ms(th.LastHeard), th.Online, ms(th.OnlineSince))
	return inProject(err, th.Project)
}

// DeleteThing removes a thing and its last values; its readings and commands stay.
func (s *Store) DeleteThing(ctx context.Context, ref roost.Ref) error {
	return s.writeSmall(ctx, "delete thing", func(t *txn) error {
		return t.exec(`DELETE FROM things WHERE project = ? AND id = ?`, ref.Project, ref.Thing)
	})
}
