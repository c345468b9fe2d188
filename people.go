package roost

import (
	"strings"
	"time"
)

// Project owns things, apps, tokens and the roles of people.
type Project struct {
	ID      ProjectID
	Name    string
	Created time.Time
}

// Role is what a person or a token may do in a project. "" is no role.
type Role string

// From the most to the least.
const (
	Owner    Role = "owner"    // and: people, tokens, deletion
	Operator Role = "operator" // and: commands, approval, names
	Viewer   Role = "viewer"   // sees everything
)

// Rank orders roles: 3 for owner, 0 for none or an unknown word.
func (r Role) Rank() int {
	switch r {
	case Owner:
		return 3
	case Operator:
		return 2
	case Viewer:
		return 1
	}
	return 0
}

// Valid tells that r is one of the three.
func (r Role) Valid() bool { return r.Rank() > 0 }

// AtLeast tells that r may do all that other may. No role is at least nothing.
func (r Role) AtLeast(other Role) bool { return r.Valid() && r.Rank() >= other.Rank() }

// Lower gives the lesser of two roles.
func (r Role) Lower(other Role) Role {
	if r.Rank() <= other.Rank() {
		return r
	}
	return other
}

// Person is somebody who can sign in. The owners of Home own the server: they
// are owners of every project.
type Person struct {
	ID           string
	Name         string // unique, whatever the case of its letters (see NameKey)
	Account      string // account id: 22 letters and digits, which a device may bring in place of an app's id
	Email        string // "" if none was given
	TimeZone     string // of the tz database; "": that of the browser
	PasswordHash string `json:"-"` // argon2id with its parameters; never shown
	Roles        map[ProjectID]Role
	Created      time.Time
	LastSeen     time.Time // zero: never
}

// RoleIn gives the role of p in a project, "" if none.
func (p Person) RoleIn(project ProjectID) Role {
	if p.Roles[Home] == Owner {
		return Owner
	}
	return p.Roles[project]
}

// NameKey is what two names are compared by.
func NameKey(name string) string { return strings.ToLower(strings.ToUpper(strings.TrimSpace(name))) }

// Secret is the SHA-256 of a secret; the secret itself is never kept.
type Secret [32]byte

// Session is one signed-in browser.
type Session struct {
	Hash     Secret
	Person   string // its id
	Remote   string // the address that signed in
	Created  time.Time
	LastSeen time.Time
	Expires  time.Time
}

// Token lets a program in, with a role in one project.
type Token struct {
	ID       string
	Project  ProjectID
	Hash     Secret `json:"-"`
	Name     string
	Role     Role
	Person   string // id of the person who made it; "" for the machine's own and what was made with it
	By       string // who made it, in words
	Local    bool   // the machine's own: owner of every project, made anew at each start
	Created  time.Time
	LastUsed time.Time // zero: never
	Expires  time.Time // zero: never
}

// AuditEntry is one change that somebody made.
type AuditEntry struct {
	ID      int64 // rises; given by the store
	Project ProjectID
	At      time.Time
	Who     string // in words: "ada", "token ci"
	WhoID   string
	Act     string // "person.add", "thing.approve"
	Object  string // id of what was changed
	Detail  string // for people
}
