package pythings

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
	wire "github.com/roost-iot/roost/wire/pythings"
)

// maxTID is the longest id of a device in bytes; Pythings takes 36 characters.
const maxTID = 64

// preregister begins an encrypted session. Nothing of it is kept: the token holds the key.
func (d *Door) preregister(ctx context.Context, c *call) (answer, error) {
	q, err := c.req.Preregister()
	if err != nil {
		return answer{}, err
	}
	switch {
	case q.Kty == "" || q.Ken == "" || len(q.Key) == 0:
		return answer{}, roost.Errorf(roost.Unauthorized, "key, kty or ken missing")
	case q.Ken != wire.KeyExchange || q.Kty != wire.CipherName:
		return answer{}, roost.Errorf(roost.Unauthorized, "only key exchange %s and cipher %s are known", wire.KeyExchange, wire.CipherName)
	}
	key, err := d.unlock(ctx, q)
	if errors.Is(err, wire.ErrNoKey) {
		d.notice(c, "A device encrypts for a key that is not held here. Import that private key, or delete settings.json on the device and give it the modulus of this server.")
		return answer{}, roost.Errorf(roost.Invalid, "The key is encrypted for another server.")
	}
	if err != nil {
		return answer{}, err
	}
	run := c.newRun()
	token, err := d.tokens.Seal(Token{Run: run, Started: c.now, Encrypted: true, Key: key})
	if err != nil {
		return answer{}, fmt.Errorf("seal a token: %w", err)
	}
	c.cipher = wire.NewCipher(key)
	return answer{json: map[string]string{"token": token}}, nil
}

// unlock decrypts a payload key, few at a time: RSA is dear.
func (d *Door) unlock(ctx context.Context, q wire.Preregister) (wire.Key, error) {
	select {
	case d.unlocks <- struct{}{}:
		defer func() { <-d.unlocks }()
	case <-ctx.Done():
		return wire.Key{}, ctx.Err()
	}
	return d.keys.Decrypt(q.Key)
}

// newRun makes the id of a run; it tells its generation.
func (c *call) newRun() string {
	switch {
	case c.old0:
		return prefix0 + roost.NewID()
	case c.old1:
		return prefix1 + roost.NewID()
	}
	return roost.NewID()
}

// brought is the app or the account that a device came with.
type brought struct {
	project roost.ProjectID
	app     roost.App // of no id with account
	account bool
}

// register lets a device in and gives it a token for this run.
func (d *Door) register(ctx context.Context, c *call) (answer, error) {
	if c.req.Token != "" { // it has preregistered
		if err := d.open(c); err != nil {
			return answer{}, err
		}
	} else if c.req.Encrypted != "" {
		return answer{}, errHidden
	}
	q, err := c.req.Register()
	if err != nil {
		return answer{}, err
	}
	c.old0 = q.Old || isOld0(c.token.Run)
	from, err := d.credential(c, q)
	if err != nil {
		return answer{}, err
	}
	ref, err := d.admit(ctx, c, from, q.TID)
	if err != nil {
		return answer{}, err
	}
	run, err := d.start(ctx, c, q, from, ref)
	if err != nil {
		return answer{}, err
	}
	token, err := d.tokenOf(c, run, from, q.TID)
	if err != nil {
		return answer{}, err
	}
	return registered(c, token), nil
}

// credential finds what a device brought. Error: roost.Unauthorized.
func (d *Door) credential(c *call, q wire.Register) (from brought, err error) {
	switch {
	case q.TID == "":
		return from, roost.Errorf(roost.Unauthorized, "tid missing")
	case len(q.TID) > maxTID:
		return from, roost.Errorf(roost.Unauthorized, "A tid has at most %d characters.", maxTID)
	case q.AID == "":
		return from, roost.Errorf(roost.Unauthorized, "aid missing: write the id of an app, or of your account, to the file aid")
	}
	if app, ok := d.cfg.Releases.Brought(q.AID); ok {
		return brought{project: app.Project, app: app}, nil
	}
	if d.cfg.Accounts != nil {
		if _, project, ok := d.cfg.Accounts.ByAccount(q.AID); ok {
			return brought{project: project, account: true}, nil
		}
	}
	d.notice(c, fmt.Sprintf("Device %.40q brings the id %.40q, which is of no app and of no account here.", q.TID, q.AID))
	return from, roost.Errorf(roost.Unauthorized, "There is no app and no account of this aid here.")
}

// admit tells the registry that a thing is here. Errors: roost.Unauthorized while it
// waits, roost.TooMany when it starts too often, and those of Core.Arrive.
func (d *Door) admit(ctx context.Context, c *call, from brought, tid string) (roost.Ref, error) {
	key := identity{from.project, tid}
	a := d.arrival(key, c.remote, nil)
	if t := d.known(key); t != nil {
		a.Link = t
	}
	a.Trusted = from.app.Admits
	standing, err := d.cfg.Core.Arrive(ctx, a)
	if err != nil {
		return roost.Ref{}, err
	}
	if standing.Enrolment != roost.Enrolled {
		return roost.Ref{}, errWaits(standing.Ref)
	}
	if !d.starts.Take(string(from.project)+"\x00"+tid+"\x00"+host(c.remote), c.now) {
		d.notice(c, fmt.Sprintf("Thing %s registers again and again: it restarts in a loop, or cannot read answers, as the RaspberryPi builds of PythingsOS 1.x.", standing.Ref.Thing))
		return roost.Ref{}, roost.Errorf(roost.TooMany, "This thing registers too often; it may once every %s.", startEvery)
	}
	return standing.Ref, nil
}

// start begins a run. A message that the run before was given is not answered any more.
func (d *Door) start(ctx context.Context, c *call, q wire.Register, from brought, ref roost.Ref) (roost.Run, error) {
	id := c.token.Run
	if id == "" {
		id = c.newRun()
	} else if used, ok, err := d.cfg.Releases.RunByID(ctx, id); err != nil || ok && used.Ref != ref {
		return roost.Run{}, cmp.Or(err, roost.Errorf(roost.Unauthorized, "Another thing has registered with this session; preregister again."))
	}
	before, had := d.cfg.Releases.CurrentRun(ref)
	run, err := d.cfg.Releases.Register(ctx, release.Registration{
		Ref: ref, App: from.app.ID, ByAccount: from.account, Pool: q.Pool, Platform: q.Platform,
		OS: q.OS, Version: q.AppVersion, Frozen: q.Frozen, Encrypted: c.cipher != nil,
		Address: c.remote, RunID: id,
	})
	if err == nil {
		err = d.stillHere(ctx, ref)
	}
	if err != nil {
		return run, err
	}
	if left, ok := d.cfg.Commands.Fetched(ref); ok {
		d.unanswered(ctx, left)
	}
	if had && host(before.Address) != host(c.remote) {
		d.write(ref, "warn", fmt.Sprintf("registered from %s; it was at %s before", host(c.remote), host(before.Address)), "")
	}
	d.write(ref, "info", fmt.Sprintf("registered: %s, app %s", orNone(q.OS), orNone(q.AppVersion)), "")
	return run, nil
}

// stillHere undoes the beginning of a run whose thing was deleted meanwhile: nothing of
// it may stay behind. Error: roost.Unauthorized.
func (d *Door) stillHere(ctx context.Context, ref roost.Ref) error {
	if _, _, ok := d.cfg.Registry.Get(ref); ok {
		return nil // whoever deletes it from now on takes the run as well
	}
	if err := d.cfg.Releases.Forget(ctx, ref); err != nil {
		return err
	}
	return roost.Errorf(roost.Unauthorized, "Thing %s was deleted just now.", ref.Thing)
}

func orNone(s string) string {
	if s == "" || s == "0" {
		return "none"
	}
	return s
}

// tokenOf gives the token of a run; a device goes on with that of its preregistration.
func (d *Door) tokenOf(c *call, run roost.Run, from brought, tid string) (string, error) {
	if c.token.Encrypted {
		return c.req.Token, nil
	}
	token, err := d.tokens.Seal(Token{
		Project: run.Project, App: run.App, TID: tid, Run: run.ID, Started: run.Started, ByAccount: from.account,
	})
	if err != nil {
		return "", fmt.Errorf("seal a token: %w", err)
	}
	return token, nil
}

// registered is the answer; its members stand in Pythings' order.
func registered(c *call, token string) answer {
	now := time.Now().Unix()
	if c.old0 {
		return answer{json: struct {
			Token string `json:"token"`
			Epoch int64  `json:"epoch_s"`
		}{token, now}}
	}
	return answer{json: struct {
		Token string `json:"token"`
		Epoch int64  `json:"epoch"`
	}{token, now}}
}
