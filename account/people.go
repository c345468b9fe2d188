package account

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/roost-iot/roost"
)

// maxName is the longest name of a person or a token in characters.
const maxName = 64

// People gives those who have a role in a project, oldest first. Needs View.
func (a *Accounts) People(ctx context.Context, actor Actor, project roost.ProjectID) ([]roost.Person, error) {
	if err := actor.Allowed(project, View); err != nil {
		return nil, err
	}
	all, err := a.store.People(ctx)
	if err != nil {
		return nil, err
	}
	members := all[:0]
	for _, p := range all {
		if p.RoleIn(project).Valid() {
			members = append(members, p)
		}
	}
	return members, nil
}

// NewPerson is what AddPerson needs.
type NewPerson struct {
	Name     string
	Password string
	Role     roost.Role
}

// AddPerson makes a person with a role in a project. Needs Own; roost.Conflict
// when the name is taken.
func (a *Accounts) AddPerson(ctx context.Context, actor Actor, project roost.ProjectID, n NewPerson) (roost.Person, error) {
	if err := actor.Allowed(project, Own); err != nil {
		return roost.Person{}, err
	}
	if err := checkRole(n.Role); err != nil {
		return roost.Person{}, err
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	p, err := a.newPerson(ctx, n.Name, n.Password)
	if err != nil {
		return roost.Person{}, err
	}
	p.Roles = map[roost.ProjectID]roost.Role{project: n.Role}
	if err := a.store.SavePerson(ctx, p); err != nil {
		return roost.Person{}, err
	}
	return p, a.Audit(ctx, actor, project, "person.add", p.ID, fmt.Sprintf("%s as %s", p.Name, n.Role))
}

// PersonChange is what ChangePerson changes; what is nil stays.
type PersonChange struct {
	Role     *roost.Role
	Password *string // all sessions of the person end
}

// ChangePerson changes a role in a project, a password, or both. Needs Own, for
// a password in every project of the person. roost.Conflict when the project
// would lose its last owner.
func (a *Accounts) ChangePerson(ctx context.Context, actor Actor, project roost.ProjectID, id string, c PersonChange) (roost.Person, error) {
	p, err := a.member(ctx, actor, project, id)
	if err != nil {
		return roost.Person{}, err
	}
	if c.Password != nil {
		for of := range p.Roles {
			if err := actor.Allowed(of, Own); err != nil {
				return roost.Person{}, err
			}
		}
		if err := checkPassword(p.Name, *c.Password); err != nil {
			return roost.Person{}, err
		}
	}
	if c.Role != nil {
		if err := a.setRole(ctx, actor, project, id, *c.Role); err != nil {
			return roost.Person{}, err
		}
	}
	if c.Password != nil {
		if err := a.resetPassword(ctx, actor, project, p, *c.Password); err != nil {
			return roost.Person{}, err
		}
	}
	return a.store.Person(ctx, id)
}

// resetPassword ends all sessions of p, but the actor's own.
func (a *Accounts) resetPassword(ctx context.Context, actor Actor, project roost.ProjectID, p roost.Person, password string) error {
	var keep roost.Secret
	if actor.ID == p.ID {
		keep = actor.session
	}
	if err := a.setPassword(ctx, p.ID, password, keep); err != nil {
		return err
	}
	a.names.forgive(roost.NameKey(p.Name))
	return a.Audit(ctx, actor, project, "person.password", p.ID, "new password for "+p.Name)
}

// member gives a person of a project to somebody who may change them.
func (a *Accounts) member(ctx context.Context, actor Actor, project roost.ProjectID, id string) (roost.Person, error) {
	if err := actor.Allowed(project, Own); err != nil {
		return roost.Person{}, err
	}
	p, err := a.store.Person(ctx, id)
	if err != nil {
		return roost.Person{}, err
	}
	if !p.RoleIn(project).Valid() {
		return roost.Person{}, roost.Errorf(roost.NotFound, "There is no person of that id here.")
	}
	return p, nil
}

func (a *Accounts) setRole(ctx context.Context, actor Actor, project roost.ProjectID, id string, role roost.Role) error {
	if err := checkRole(role); err != nil {
		return err
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	p, err := a.member(ctx, actor, project, id)
	if err != nil || p.Roles[project] == role {
		return err
	}
	if err := a.mayLose(ctx, project, p, role); err != nil {
		return err
	}
	was := p.Roles[project]
	p.Roles[project] = role
	if err := a.store.SavePerson(ctx, p); err != nil {
		return err
	}
	a.forget()
	return a.Audit(ctx, actor, project, "person.role", id, fmt.Sprintf("%s from %s to %s", p.Name, was, role))
}

// RemovePerson takes a person's role in a project away, and the person when
// that was their last, with their sessions and tokens. Needs Own; roost.Conflict
// for the last owner.
func (a *Accounts) RemovePerson(ctx context.Context, actor Actor, project roost.ProjectID, id string) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	p, err := a.member(ctx, actor, project, id)
	if err != nil {
		return err
	}
	if p.Roles[project] == "" {
		return roost.Errorf(roost.Conflict, "%s is here as an owner of the server; change that in project %q.", p.Name, string(roost.Home))
	}
	if err := a.mayLose(ctx, project, p, ""); err != nil {
		return err
	}
	delete(p.Roles, project)
	if len(p.Roles) > 0 {
		err = a.store.SavePerson(ctx, p)
	} else {
		err = a.store.DeletePerson(ctx, id)
	}
	if err != nil {
		return err
	}
	a.forget()
	return a.Audit(ctx, actor, project, "person.remove", id, p.Name)
}

// mayLose refuses to take the last owner of a project.
func (a *Accounts) mayLose(ctx context.Context, project roost.ProjectID, p roost.Person, role roost.Role) error {
	if p.Roles[project] != roost.Owner || role == roost.Owner {
		return nil
	}
	all, err := a.store.People(ctx)
	if err != nil {
		return err
	}
	if owners(all, project) > 1 {
		return nil
	}
	return roost.Errorf(roost.Conflict, "%s is the last owner; make somebody else owner first.", p.Name)
}

// owners counts who owns a project by their own role in it.
func owners(people []roost.Person, project roost.ProjectID) (n int) {
	for _, p := range people {
		if p.Roles[project] == roost.Owner {
			n++
		}
	}
	return n
}

// newPerson checks name and password and hashes. The caller holds changing.
func (a *Accounts) newPerson(ctx context.Context, name, password string) (roost.Person, error) {
	name = strings.TrimSpace(name)
	if err := checkName("name", name); err != nil {
		return roost.Person{}, err
	}
	if err := checkPassword(name, password); err != nil {
		return roost.Person{}, err
	}
	switch _, err := a.store.PersonNamed(ctx, name); {
	case err == nil:
		return roost.Person{}, roost.Errorf(roost.Conflict, "There is somebody named %q already.", name)
	case roost.KindOf(err) != roost.NotFound:
		return roost.Person{}, err
	}
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return roost.Person{}, err
	}
	return roost.Person{ID: roost.NewID(), Name: name, Account: newAccount(), PasswordHash: hash, Created: a.now()}, nil
}

// checkName wants 1 to 64 characters that can be seen.
func checkName(what, name string) error {
	switch {
	case name == "":
		return roost.Errorf(roost.Invalid, "The %s is empty.", what)
	case utf8.RuneCountInString(name) > maxName:
		return roost.Errorf(roost.Invalid, "The %s is longer than %d characters.", what, maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, hidden):
		return roost.Errorf(roost.Invalid, "The %s has characters that cannot be seen.", what)
	}
	return nil
}

func hidden(r rune) bool { return !unicode.IsGraphic(r) }

func checkRole(r roost.Role) error {
	if r.Valid() {
		return nil
	}
	return roost.Errorf(roost.Invalid, "A role is owner, operator or viewer, not %q.", string(r))
}
