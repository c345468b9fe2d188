package agent

import (
	"context"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/agent"
	"github.com/roost-iot/roost/wire/romfs"
)

func noRuntimeVersion(version string) error {
	return roost.Errorf(roost.NotFound, "There is no runtime %q on the shelf.", version)
}

// kept gives what the store has of a version, with the contents of its files or without.
func (d *Door) kept(ctx context.Context, version string, contents bool) (b wire.Bundle, sigs map[string][]roost.Signature, err error) {
	b = wire.Bundle{Version: version, Texts: map[string]string{}, Files: map[string][]byte{}}
	sigs = map[string][]roost.Signature{}
	texts, err := d.cfg.Store.RuntimeReleases(ctx, version)
	if err != nil {
		return b, nil, err
	}
	for _, t := range texts {
		form := strings.TrimPrefix(t.Key, runtimeKey(version, ""))
		b.Texts[form] = t.Text
		if sigs[form], err = d.cfg.Store.Signatures(ctx, t.Key); err != nil {
			return b, nil, err
		}
		for _, g := range sigs[form] {
			if g.Public != "" {
				b.Signatures = append(b.Signatures, wire.BundleSignature{Form: form, Public: g.Public, Sig: g.Text})
			}
		}
		if !contents {
			continue
		}
		r, err := wire.ParseRelease(t.Text)
		if err != nil {
			return b, nil, err
		}
		for _, f := range r.Files {
			if b.Files[f.SHA256] != nil {
				continue
			}
			if b.Files[f.SHA256], err = d.releases.content(ctx, f.SHA256); err != nil {
				return b, nil, err
			}
		}
	}
	return b, sigs, nil
}

// ExportRuntime gives a version as it goes into a file. Errors: roost.NotFound.
func (d *Door) ExportRuntime(ctx context.Context, version string) (wire.Bundle, error) {
	if !d.runtimes.has(version) {
		return wire.Bundle{}, noRuntimeVersion(version)
	}
	if d.runtimes.own(version) {
		if _, err := d.runtimes.all(ctx, version, false); err != nil {
			return wire.Bundle{}, err
		}
	}
	b, _, err := d.kept(ctx, version, true)
	if err != nil {
		return b, roost.Because(roost.Unavailable, err, "The runtime %s cannot be read at present.", version)
	}
	return b, b.Check()
}

// AddRuntime puts a version from a file onto the shelf, or more of one that is there: forms
// and signatures. Errors: roost.Conflict when there is another of its name, or all of it.
func (d *Door) AddRuntime(ctx context.Context, b wire.Bundle, by string) (roost.RuntimeState, error) {
	if err := b.Check(); err != nil {
		return roost.RuntimeState{}, err
	}
	if err := checkImage(b); err != nil {
		return roost.RuntimeState{}, err
	}
	d.runtimes.changing.Lock()
	defer d.runtimes.changing.Unlock()
	if d.runtimes.own(b.Version) { // what this program has of that version stands
		if _, err := d.runtimes.all(ctx, b.Version, false); err != nil {
			return roost.RuntimeState{}, err
		}
	}
	d.releases.making.Lock()
	defer d.releases.making.Unlock()
	k := roost.KeptRuntime{Version: b.Version, Origin: roost.OfFile, By: by, Added: time.Now().UTC().Truncate(time.Millisecond)}
	add, err := d.additions(ctx, b, k)
	if err != nil {
		return roost.RuntimeState{}, err
	}
	files := map[roost.Digest][]byte{}
	for digest, content := range b.Files {
		files[digestOf(digest)] = content
	}
	if err := d.cfg.Store.SaveRuntime(ctx, k, add.texts, files, add.sigs); err != nil {
		return roost.RuntimeState{}, roost.Because(roost.Unavailable, err, "The runtime cannot be stored at present.")
	}
	for form := range b.Texts {
		d.runtimes.note(k, form)
	}
	d.releases.forget(runtimeKey(b.Version, ""))
	d.wakeAll()
	return d.runtime(ctx, b.Version)
}

// runtime gives one version as it stands.
func (d *Door) runtime(ctx context.Context, version string) (roost.RuntimeState, error) {
	all, err := d.Runtimes(ctx)
	if err != nil {
		return roost.RuntimeState{}, err
	}
	i := slices.IndexFunc(all, func(s roost.RuntimeState) bool { return s.Version == version })
	if i < 0 {
		return roost.RuntimeState{}, noRuntimeVersion(version)
	}
	return all[i], nil
}

// additions is what a file brings that is not kept.
type additions struct {
	texts []roost.Release
	sigs  []roost.Signature
}

func (d *Door) additions(ctx context.Context, b wire.Bundle, k roost.KeptRuntime) (add additions, err error) {
	have, sigs, err := d.kept(ctx, b.Version, false)
	if err != nil {
		return add, roost.Because(roost.Unavailable, err, "The runtimes cannot be read at present.")
	}
	for _, form := range slices.Sorted(maps.Keys(b.Texts)) {
		switch text, there := have.Texts[form]; {
		case !there:
			add.texts = append(add.texts, roost.Release{Key: runtimeKey(b.Version, form), Text: b.Texts[form]})
		case text != b.Texts[form]:
			return add, roost.Errorf(roost.Conflict, "There is another runtime %s here (%s differs). A version never changes: give yours another version.", b.Version, form)
		}
	}
	for _, g := range b.Signatures {
		key, err := hex.DecodeString(g.Public)
		if err != nil {
			return add, roost.Errorf(roost.Invalid, "A key in the file is none.") // Check has looked
		}
		owner := wire.OwnerName(key)
		if slices.ContainsFunc(sigs[g.Form], func(o roost.Signature) bool { return o.Owner == owner }) {
			continue
		}
		add.sigs = append(add.sigs, roost.Signature{
			Release: runtimeKey(b.Version, g.Form), Owner: owner, Public: strings.ToLower(g.Public), Text: g.Sig, By: k.By, At: k.Added,
		})
	}
	if len(add.texts) == 0 && len(add.sigs) == 0 {
		return add, roost.Errorf(roost.Conflict, "The runtime %s is on the shelf already, with all that the file has.", b.Version)
	}
	return add, nil
}

// RemoveRuntime takes a version off the shelf. Things that run it keep it. Errors:
// roost.NotFound; roost.Conflict for this program's own, and while a pool or a thing is
// told to run it.
func (d *Door) RemoveRuntime(ctx context.Context, version string) error {
	d.runtimes.changing.Lock()
	defer d.runtimes.changing.Unlock()
	switch {
	case !d.runtimes.has(version):
		return noRuntimeVersion(version)
	case d.runtimes.own(version):
		return roost.Errorf(roost.Conflict, "The runtime %s is this Roost's own, and stays.", version)
	}
	if err := d.cfg.Releases.DropRuntime(version); err != nil {
		return err
	}
	d.releases.making.Lock()
	defer d.releases.making.Unlock()
	if err := d.cfg.Store.DeleteRuntime(ctx, version); err != nil {
		d.cfg.Releases.AddRuntime(version)
		return roost.Because(roost.Unavailable, err, "The runtime cannot be removed at present.")
	}
	d.runtimes.mu.Lock()
	delete(d.runtimes.kept, version)
	d.runtimes.mu.Unlock()
	d.releases.forget(runtimeKey(version, ""))
	return nil
}

// RuntimeTexts gives what an owner signs of a version, by form; down: the texts that things
// with a newer one take, too. Errors: roost.NotFound.
func (d *Door) RuntimeTexts(ctx context.Context, version string, down bool) (map[string]string, error) {
	if !d.runtimes.has(version) {
		return nil, noRuntimeVersion(version)
	}
	all, err := d.runtimes.all(ctx, version, down)
	if err != nil {
		return nil, roost.Because(roost.Unavailable, err, "The runtime %s cannot be read at present.", version)
	}
	texts := map[string]string{}
	for form, m := range all {
		texts[form] = m.text
	}
	return texts, nil
}

// SignRuntime keeps an owner's signatures of all texts of a version, in hex and by form.
// Errors: as RuntimeTexts's, roost.Invalid when one is missing or does not hold.
func (d *Door) SignRuntime(ctx context.Context, version string, down bool, public string, sigs map[string]string, by string) error {
	texts, err := d.RuntimeTexts(ctx, version, down)
	if err != nil {
		return err
	}
	key, err := hex.DecodeString(public)
	if err != nil {
		return roost.Errorf(roost.Invalid, "The public key is 64 hexadecimal digits.")
	}
	var all []roost.Signature
	for form, text := range texts {
		if !wire.Signed(key, text, sigs[form]) {
			return roost.Errorf(roost.Invalid, "The signature of %s does not hold: sign the text of each form with the key of this public key.", form)
		}
		all = append(all, roost.Signature{
			Release: runtimeKey(version, form), Owner: wire.OwnerName(key), Public: strings.ToLower(public),
			Text: strings.ToLower(sigs[form]), By: by, At: time.Now().UTC(),
		})
	}
	if err := d.cfg.Store.SaveSignatures(ctx, all); err != nil {
		return roost.Because(roost.Unavailable, err, "The signatures cannot be stored at present.")
	}
	d.releases.forget(runtimeKey(version, ""))
	d.wakeAll()
	return nil
}

// checkImage looks into the image of a ROM, if a file has one.
func checkImage(b wire.Bundle) error {
	text, there := b.Texts[wire.FormROM]
	if !there {
		return nil
	}
	r, err := wire.ParseRelease(text)
	if err != nil {
		return roost.Because(roost.Invalid, err, "The release %s is none.", wire.FormROM)
	}
	files, err := romfs.Files(b.Files[r.Files[wire.ROMFile].SHA256])
	if err != nil {
		return roost.Because(roost.Invalid, err, "Its image for a ROM cannot be read: %v.", err)
	}
	if files["rt/__init__.mpy"] == nil {
		return roost.Errorf(roost.Invalid, "Its image for a ROM has no rt/__init__.mpy: no thing could start it.")
	}
	return nil
}
