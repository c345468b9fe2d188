package account

import (
	"context"
	"time"

	"github.com/roost-iot/roost"
)

// Store keeps people, sessions, tokens, keys and the audit log. store/sqlite has it.
// Everything is durable when its call returns.
type Store interface {
	PersonStore
	SessionStore
	TokenStore
	KeyStore
	AuditStore
	// ServerValue gives one value of the server's own, "" if there is none.
	ServerValue(ctx context.Context, key string) (string, error)
	// SaveServerValue inserts or replaces; "" removes.
	SaveServerValue(ctx context.Context, key, value string) error
}

// PersonStore keeps people with their roles.
type PersonStore interface {
	// People gives everybody, oldest first.
	People(ctx context.Context) ([]roost.Person, error)
	// Person gives one; roost.NotFound if there is none of that id.
	Person(ctx context.Context, id string) (roost.Person, error)
	// PersonNamed gives one by roost.NameKey(name); roost.NotFound if there is none.
	PersonNamed(ctx context.Context, name string) (roost.Person, error)
	// PersonByAccount gives one by their account id; roost.NotFound if there is none.
	PersonByAccount(ctx context.Context, id string) (roost.Person, error)
	// SavePerson inserts or replaces by id, with all roles; roost.Conflict when
	// the name is another's.
	SavePerson(ctx context.Context, p roost.Person) error
	// DeletePerson removes a person with their sessions and tokens.
	DeletePerson(ctx context.Context, id string) error
}

// SessionStore keeps sessions by the hash of their secret.
type SessionStore interface {
	// SaveSession inserts or replaces; the person was last seen when the session was.
	SaveSession(ctx context.Context, s roost.Session) error
	// TouchSession saves LastSeen and Expires of a session that is still there, and
	// that the person was seen then.
	TouchSession(ctx context.Context, s roost.Session) error
	// Session gives one; roost.NotFound if there is none.
	Session(ctx context.Context, hash roost.Secret) (roost.Session, error)
	// DeleteSession removes one, if there.
	DeleteSession(ctx context.Context, hash roost.Secret) error
	// DeleteSessions removes those of a person but one (the zero Secret: all).
	DeleteSessions(ctx context.Context, person string, but roost.Secret) error
	// ExpireSessions removes those that ended by now.
	ExpireSessions(ctx context.Context, now time.Time) error
}

// TokenStore keeps API tokens by the hash of their secret.
type TokenStore interface {
	// SaveToken inserts or replaces by id.
	SaveToken(ctx context.Context, t roost.Token) error
	// TouchToken saves when a token was last used, if it is still there.
	TouchToken(ctx context.Context, hash roost.Secret, at time.Time) error
	// Token gives one; roost.NotFound if there is none.
	Token(ctx context.Context, hash roost.Secret) (roost.Token, error)
	// Tokens gives those of a project, oldest first.
	Tokens(ctx context.Context, project roost.ProjectID) ([]roost.Token, error)
	// DeleteToken removes one; roost.NotFound if there is none of that id in the project.
	DeleteToken(ctx context.Context, project roost.ProjectID, id string) error
}

// KeyStore keeps keys of gateways and credentials of things.
type KeyStore interface {
	// SaveGatewayKey inserts or replaces by id.
	SaveGatewayKey(ctx context.Context, k roost.GatewayKey) error
	// TouchGatewayKey saves when the holder of a key was last here.
	TouchGatewayKey(ctx context.Context, id string, at time.Time) error
	// GatewayKeys gives those of all projects, revoked ones too, oldest first.
	GatewayKeys(ctx context.Context) ([]roost.GatewayKey, error)
	// SaveCredential inserts or replaces by id; roost.Conflict when the thing has another.
	SaveCredential(ctx context.Context, c roost.Credential) error
	// TouchCredential saves when one was last used, if it is still there.
	TouchCredential(ctx context.Context, id string, at time.Time) error
	// Credentials gives those of all projects, oldest first.
	Credentials(ctx context.Context) ([]roost.Credential, error)
	// DeleteCredential removes one; roost.NotFound if there is none of that id in the project.
	DeleteCredential(ctx context.Context, project roost.ProjectID, id string) error
}

// AuditStore keeps the audit log.
type AuditStore interface {
	// SaveAudit appends; the store gives the ID.
	SaveAudit(ctx context.Context, e roost.AuditEntry) error
	// AuditLog gives entries of a project with an ID under before (0: from the
	// newest), newest first.
	AuditLog(ctx context.Context, project roost.ProjectID, before int64, limit int) ([]roost.AuditEntry, error)
}
