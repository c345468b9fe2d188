package sqlite

import (
	"context"

	"github.com/roost-iot/roost"
)

const personColumns = `SELECT p.id, p.name, p.account, p.email, p.time_zone, p.password, p.created_ms, p.last_seen_ms,
		coalesce(m.project, ''), coalesce(m.role, '')
	FROM people p LEFT JOIN members m ON m.person = p.id `

// membership is one row of a person and one of their roles.
type membership struct {
	roost.Person
	project roost.ProjectID
	role    roost.Role
}

func scanMembership(row scanner) (m membership, err error) {
	var created, seen int64
	err = row.Scan(&m.ID, &m.Name, &m.Account, &m.Email, &m.TimeZone, &m.PasswordHash, &created, &seen, &m.project, &m.role)
	m.Created, m.LastSeen = at(created), at(seen)
	return m, err
}

// gather joins the rows of each person; they come together.
func gather(rows []membership) []roost.Person {
	var people []roost.Person
	for _, m := range rows {
		if n := len(people); n == 0 || people[n-1].ID != m.ID {
			m.Roles = map[roost.ProjectID]roost.Role{}
			people = append(people, m.Person)
		}
		if m.role != "" {
			people[len(people)-1].Roles[m.project] = m.role
		}
	}
	return people
}

// People gives everybody, oldest first.
func (s *Store) People(ctx context.Context) ([]roost.Person, error) {
	rows, err := list(ctx, s, "read people", scanMembership, personColumns+`ORDER BY p.created_ms, p.rowid`)
	return gather(rows), err
}

// Person gives one; roost.NotFound if there is none of that id.
func (s *Store) Person(ctx context.Context, id string) (roost.Person, error) {
	rows, err := list(ctx, s, "read person", scanMembership, personColumns+`WHERE p.id = ?`, id)
	return onePerson(rows, err)
}

// PersonNamed gives one by roost.NameKey(name); roost.NotFound if there is none.
func (s *Store) PersonNamed(ctx context.Context, name string) (roost.Person, error) {
	rows, err := list(ctx, s, "read person", scanMembership, personColumns+`WHERE p.name_key = ?`, roost.NameKey(name))
	return onePerson(rows, err)
}

// PersonByAccount gives one by their account id; roost.NotFound if there is none.
func (s *Store) PersonByAccount(ctx context.Context, id string) (roost.Person, error) {
	rows, err := list(ctx, s, "read person", scanMembership, personColumns+`WHERE p.account = ? AND p.account <> ''`, id)
	return onePerson(rows, err)
}

func onePerson(rows []membership, err error) (roost.Person, error) {
	if err != nil {
		return roost.Person{}, err
	}
	if len(rows) == 0 {
		return roost.Person{}, roost.Errorf(roost.NotFound, "There is no such person.")
	}
	return gather(rows)[0], nil
}

const savePerson = `INSERT INTO people (id, name, name_key, account, email, time_zone, password, created_ms, last_seen_ms)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key, account = excluded.account,
		email = excluded.email, time_zone = excluded.time_zone, password = excluded.password,
		last_seen_ms = max(last_seen_ms, excluded.last_seen_ms)`

// SavePerson inserts or replaces by id, with all roles; roost.Conflict when the
// name is another's. LastSeen never goes back.
func (s *Store) SavePerson(ctx context.Context, p roost.Person) error {
	return s.write(ctx, "save person", func(t *txn) error {
		err := t.exec(savePerson, p.ID, p.Name, roost.NameKey(p.Name), p.Account, p.Email, p.TimeZone,
			p.PasswordHash, ms(p.Created), ms(p.LastSeen))
		if isUnique(err) {
			return roost.Because(roost.Conflict, err, "There is somebody named %q already.", p.Name)
		}
		if err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM members WHERE person = ?`, p.ID); err != nil {
			return err
		}
		for project, role := range p.Roles {
			if err := t.exec(`INSERT INTO members (project, person, role) VALUES (?, ?, ?)`, project, p.ID, role); err != nil {
				return inProject(err, project)
			}
		}
		return nil
	})
}

// DeletePerson removes a person with their sessions and tokens.
func (s *Store) DeletePerson(ctx context.Context, id string) error {
	return s.writeSmall(ctx, "delete person", func(t *txn) error { return t.exec(`DELETE FROM people WHERE id = ?`, id) })
}
