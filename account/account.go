// Package account knows who may do what: people, their sessions and roles, API
// tokens, keys of far gateways, credentials of things, and the log of what they changed.
package account

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	"github.com/roost-iot/roost"
)

// Config tunes Accounts; the zero value works.
type Config struct {
	Store Store            // required
	Now   func() time.Time // time.Now
	Log   *slog.Logger     // slog.Default()
	Hash  Cost             // 19 MiB, two passes, one lane
	// Cached is how many sessions and tokens are known without a query: 4,096.
	Cached int
}

// Accounts is the room. Its methods may be called from many goroutines; those
// that take an Actor check its rights by Actor.Allowed.
type Accounts struct {
	store    Store
	now      func() time.Time
	log      *slog.Logger
	hasher   *hasher
	names    *throttle        // by roost.NameKey
	remotes  *throttle        // by address
	known    *cache[struct{}] // whose name signed in from which address
	sessions *cache[cachedSession]
	tokens   *cache[cachedToken]
	keys     doorKeys

	changing sync.Mutex // held while people or keys are changed: an owner remains, memory is as the store
	ready    sync.Mutex // guards setUp
	setUp    bool       // an owner exists; never goes back
}

// New makes the room over its store.
func New(c Config) *Accounts {
	size := cmp.Or(c.Cached, 4096)
	a := &Accounts{
		store: c.Store, now: c.Now, log: c.Log, hasher: newHasher(c.Hash),
		sessions: newCache[cachedSession](size), tokens: newCache[cachedToken](size),
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.log == nil {
		a.log = slog.Default()
	}
	a.known = newCache[struct{}](1024)
	a.names = newThrottle(5, 30*time.Second)
	a.remotes = newThrottle(20, 15*time.Minute)
	return a
}

// secretHash is what is kept of a secret.
func secretHash(secret string) roost.Secret { return sha256.Sum256([]byte(secret)) }

func hexHash(secret string) string {
	h := secretHash(secret)
	return hex.EncodeToString(h[:])
}

// forget makes every session and token be read from the store again.
func (a *Accounts) forget() {
	a.sessions.clear()
	a.tokens.clear()
}

// Audit notes a change that actor made. Failing to note it is an error: what
// cannot be logged shall not go on quietly.
func (a *Accounts) Audit(ctx context.Context, actor Actor, project roost.ProjectID, act, object, detail string) error {
	return a.store.SaveAudit(ctx, roost.AuditEntry{
		Project: cmp.Or(project, roost.Home), At: a.now(), Who: actor.Name, WhoID: actor.ID,
		Act: act, Object: object, Detail: clip(detail, 500),
	})
}

// AuditLog gives entries of a project with an ID under before (0: from the
// newest), newest first, at most 500. Needs Own.
func (a *Accounts) AuditLog(ctx context.Context, actor Actor, project roost.ProjectID, before int64, limit int) ([]roost.AuditEntry, error) {
	if err := actor.Allowed(project, Own); err != nil {
		return nil, err
	}
	if limit < 1 || limit > 500 {
		limit = 500
	}
	return a.store.AuditLog(ctx, project, before, limit)
}

// clip cuts s to at most n bytes at the border of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
