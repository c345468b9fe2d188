package sqlite

import (
	"context"

	"github.com/roost-iot/roost"
)

const saveCommand = `INSERT INTO commands (project, id, thing, kind, resource, value, state, result, error, asked_by,
		created_ms, sent_ms, ended_ms, expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (project, id) DO UPDATE SET thing = excluded.thing, kind = excluded.kind, resource = excluded.resource,
		value = excluded.value, state = excluded.state, result = excluded.result, error = excluded.error,
		asked_by = excluded.asked_by, created_ms = excluded.created_ms, sent_ms = excluded.sent_ms,
		ended_ms = excluded.ended_ms, expires_ms = excluded.expires_ms`

// SaveCommand inserts or replaces by id. Durable when it returns.
func (s *Store) SaveCommand(ctx context.Context, c roost.Command) error {
	return s.writeSmall(ctx, "save command", func(t *txn) error {
		err := t.exec(saveCommand, c.Project, c.ID, c.Thing, c.Kind, c.Resource, c.Value, c.State, c.Result, c.Error, c.By,
			ms(c.Created), ms(c.Sent), ms(c.Ended), ms(c.Expires))
		return inProject(err, c.Project)
	})
}

const commandColumns = `SELECT project, id, thing, kind, resource, value, state, result, error, asked_by,
	created_ms, sent_ms, ended_ms, expires_ms FROM commands `

func scanCommand(row scanner) (c roost.Command, err error) {
	var created, sent, ended, expires int64
	err = row.Scan(&c.Project, &c.ID, &c.Thing, &c.Kind, &c.Resource, &c.Value, &c.State, &c.Result, &c.Error, &c.By,
		&created, &sent, &ended, &expires)
	c.Created, c.Sent, c.Ended, c.Expires = at(created), at(sent), at(ended), at(expires)
	return c, err
}

// OpenCommands gives all that are queued or sent, oldest first.
func (s *Store) OpenCommands(ctx context.Context) ([]roost.Command, error) {
	return list(ctx, s, "read open commands", scanCommand,
		commandColumns+`WHERE state IN ('queued', 'sent') ORDER BY created_ms, rowid`)
}

// Commands gives the newest commands of one thing, newest first, at most max (under 1: all).
func (s *Store) Commands(ctx context.Context, ref roost.Ref, max int) ([]roost.Command, error) {
	return list(ctx, s, "read commands", scanCommand,
		commandColumns+`WHERE project = ? AND thing = ? ORDER BY created_ms DESC, rowid DESC LIMIT ? + 0`,
		ref.Project, ref.Thing, limit(max))
}

// Command gives one; a roost.NotFound error if there is none of that id in the project.
func (s *Store) Command(ctx context.Context, project roost.ProjectID, id string) (roost.Command, error) {
	c, ok, err := one(ctx, s, "read command", scanCommand, commandColumns+`WHERE project = ? AND id = ?`, project, id)
	if err == nil && !ok {
		err = roost.Errorf(roost.NotFound, "There is no command %q.", id)
	}
	return c, err
}

// CountFetched counts the messages and shell lines to things of a project.
func (s *Store) CountFetched(ctx context.Context, project roost.ProjectID) (int64, error) {
	n, _, err := one(ctx, s, "count messages to things", scanID,
		`SELECT count(*) FROM commands WHERE project = ? AND kind IN ('message', 'shell')`, project)
	return n, err
}

// DeleteCommands removes those of one thing.
func (s *Store) DeleteCommands(ctx context.Context, ref roost.Ref) error {
	return s.writeSmall(ctx, "delete commands", func(t *txn) error {
		return t.exec(`DELETE FROM commands WHERE project = ? AND thing = ?`, ref.Project, ref.Thing)
	})
}
