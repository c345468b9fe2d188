package account

import (
	"fmt"
	"slices"

	"github.com/roost-iot/roost"
)

// Right is what an act needs.
type Right uint8

const (
	// View: read things, readings, commands, people.
	View Right = iota + 1
	// Operate: commands, approval, names and tags.
	Operate
	// Own: people, tokens, deletion, the audit log.
	Own
)

// role is the least that has the right.
func (r Right) role() roost.Role {
	switch r {
	case View:
		return roost.Viewer
	case Operate:
		return roost.Operator
	}
	return roost.Owner
}

// Actor is who does something: a person or a token. The zero Actor is nobody.
type Actor struct {
	ID      string
	Name    string // a person's name, or "token NAME"
	Token   bool
	person  string                         // whose rights these are; "" for the machine's own token
	session roost.Secret                   // the session it came by, if by one
	roles   map[roost.ProjectID]roost.Role // read only: shared
}

// Role gives what a may do in a project.
func (a Actor) Role(project roost.ProjectID) roost.Role {
	if a.roles[everywhere] == roost.Owner {
		return roost.Owner
	}
	return a.roles[project]
}

// Projects gives those in which a has a role of its own, by name; one with a role in
// all projects need not be named for each.
func (a Actor) Projects() []roost.ProjectID {
	var all []roost.ProjectID
	for p := range a.roles {
		if p != everywhere {
			all = append(all, p)
		}
	}
	slices.Sort(all)
	return all
}

// everywhere is the key of a role in all projects. It is no valid project id.
const everywhere roost.ProjectID = "*"

// Allowed is the one place that decides who may do what: nil, roost.Unauthorized
// for nobody, or roost.Denied with the role that is needed.
func (a Actor) Allowed(project roost.ProjectID, r Right) error {
	if a.ID == "" {
		return roost.Errorf(roost.Unauthorized, "Sign in first.")
	}
	have, need := a.Role(project), r.role()
	if have.AtLeast(need) {
		return nil
	}
	return roost.Errorf(roost.Denied, "%s", denial(a, have, need, project))
}

func denial(a Actor, have, need roost.Role, project roost.ProjectID) string {
	only := "an " + string(need)
	if need == roost.Viewer {
		only = "a viewer"
	}
	if project != roost.Home {
		only += fmt.Sprintf(" of project %q", string(project))
	}
	switch {
	case a.Token && have.Valid():
		return fmt.Sprintf("Only %s may do this; this token is %s.", only, have)
	case a.Token:
		return fmt.Sprintf("Only %s may do this; this token has no role here.", only)
	case have.Valid():
		return fmt.Sprintf("Only %s may do this; you are %s.", only, have)
	}
	return fmt.Sprintf("Only %s may do this; you have no role here.", only)
}

// personActor gives the actor that a person is.
func personActor(p roost.Person, session roost.Secret) Actor {
	roles := make(map[roost.ProjectID]roost.Role, len(p.Roles)+1)
	for project, role := range p.Roles {
		roles[project] = role
	}
	if p.Roles[roost.Home] == roost.Owner {
		roles[everywhere] = roost.Owner
	}
	return Actor{ID: p.ID, Name: p.Name, person: p.ID, session: session, roles: roles}
}

// Public gives the actor that everybody is on a server which asks for no sign-in.
func Public(project roost.ProjectID, role roost.Role) Actor {
	return Actor{ID: "public", Name: "a visitor", roles: map[roost.ProjectID]roost.Role{project: role}}
}

// tokenActor gives the actor that a token is. maker is who made it, nil for the
// machine: a token can never do more than its maker can now.
func tokenActor(t roost.Token, maker *roost.Person) Actor {
	a := Actor{ID: t.ID, Name: "token " + t.Name, Token: true, person: t.Person}
	switch {
	case t.Local:
		a.Name = LocalName
		a.roles = map[roost.ProjectID]roost.Role{everywhere: roost.Owner}
	case maker != nil:
		a.roles = map[roost.ProjectID]roost.Role{t.Project: t.Role.Lower(maker.RoleIn(t.Project))}
	default:
		a.roles = map[roost.ProjectID]roost.Role{t.Project: t.Role}
	}
	return a
}
