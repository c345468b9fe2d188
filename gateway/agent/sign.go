package agent

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/agent"
)

// Statement gives the text of the release of a commit, as its owner signs it; down: one
// that may be taken by a thing that has a newer one. Errors: roost.NotFound, roost.Conflict
// for what no thing could take.
func (d *Door) Statement(ctx context.Context, p roost.ProjectID, app roost.AppID, commit string, down bool) (string, []roost.Signature, error) {
	m, err := d.releases.make(ctx, releaseName{kind: wire.KindApp, project: p, app: app, ver: commit, down: down})
	if err != nil {
		return "", nil, err
	}
	if m.fault != "" {
		return "", nil, roost.Errorf(roost.Conflict, "No thing can take this commit: %s.", m.fault)
	}
	sigs, err := d.cfg.Store.Signatures(ctx, m.key())
	return m.text, sigs, err
}

// Sign keeps an owner's signature of the text of a release: public key and signature in
// hex. Errors: as Statement's, roost.Invalid for a signature that does not hold.
func (d *Door) Sign(ctx context.Context, p roost.ProjectID, app roost.AppID, commit string, down bool, public, sig, by string) (roost.Signature, error) {
	text, _, err := d.Statement(ctx, p, app, commit, down)
	if err != nil {
		return roost.Signature{}, err
	}
	key, err := hex.DecodeString(public)
	if err != nil || !wire.Signed(key, text, sig) {
		return roost.Signature{}, roost.Errorf(roost.Invalid, "The signature does not hold: sign the text of this release with the key of this public key.")
	}
	w := releaseName{kind: wire.KindApp, project: p, app: app, ver: commit, down: down}
	g := roost.Signature{
		Release: w.key(), Owner: wire.OwnerName(key), Public: strings.ToLower(public), Text: strings.ToLower(sig), By: by, At: time.Now().UTC(),
	}
	if err := d.cfg.Store.SaveSignatures(ctx, []roost.Signature{g}); err != nil {
		return g, roost.Because(roost.Unavailable, err, "The signature cannot be stored at present.")
	}
	d.releases.forget(w.key())
	d.wakeAll()
	return g, nil
}
