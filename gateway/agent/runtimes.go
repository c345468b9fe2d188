package agent

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/agent"
)

// profileROM is the lean profile as an image of a ROM.
const profileROM = "rom"

// runtimes are the versions of Roost's own runtime that things can be moved to: that of this
// program, those of programs that ran on this data before, and those from files.
type runtimes struct {
	d        *Door
	changing sync.Mutex // versions from files come and go one by one; taken before releases.making

	mu   sync.Mutex
	kept map[string]*keptRuntime
}

type keptRuntime struct {
	roost.KeptRuntime
	forms map[string]bool // that are kept
}

// runtimeKey is by what the store knows the release of a form; those of all forms begin as
// that of "".
func runtimeKey(version, form string) string { return "os/" + version + "/" + form }

func newRuntimes(d *Door) *runtimes { return &runtimes{d: d, kept: map[string]*keptRuntime{}} }

// load reads what is kept, and keeps the sources of this program's runtime. What is
// compiled of them is kept a little later: a start shall not wait for a compiler.
func (r *runtimes) load(ctx context.Context) error {
	all, err := r.d.cfg.Store.Runtimes(ctx)
	if err != nil {
		return err
	}
	for _, k := range all {
		texts, err := r.d.cfg.Store.RuntimeReleases(ctx, k.Version)
		if err != nil {
			return err
		}
		for _, t := range texts {
			r.note(k, strings.TrimPrefix(t.Key, runtimeKey(k.Version, "")))
		}
	}
	if r.d.cfg.Runtime == nil {
		return nil
	}
	r.d.cfg.Releases.AddRuntime(r.d.cfg.Runtime.Version())
	for _, form := range wire.Forms {
		if strings.HasSuffix(form, "/0") {
			if err := r.keepSource(ctx, form); err != nil {
				return err
			}
		}
	}
	return nil
}

// note makes a form of a version one that is kept.
func (r *runtimes) note(k roost.KeptRuntime, form string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	have := r.kept[k.Version]
	if have == nil {
		have = &keptRuntime{KeptRuntime: k, forms: map[string]bool{}}
		r.kept[k.Version] = have
		r.d.cfg.Releases.AddRuntime(k.Version)
	}
	have.forms[form] = true
}

// has tells whether things can be moved to a version.
func (r *runtimes) has(version string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept[version] != nil || version != "" && r.own(version)
}

// own tells this program's version.
func (r *runtimes) own(version string) bool {
	return r.d.cfg.Runtime != nil && r.d.cfg.Runtime.Version() == version
}

// osRelease names the release of a form of a version of the runtime.
func osRelease(version, form string) releaseName {
	form, down := strings.CutSuffix(form, wire.DownSuffix)
	profile, digits, _ := strings.Cut(form, "/")
	mpy, _ := strconv.Atoi(digits) // of a form that is known
	return releaseName{kind: wire.KindOS, ver: version, profile: profile, mpy: mpy, down: down}
}

// keepSource keeps a form of this program's runtime, unless it is kept. Another runtime of
// the same version, as those who work on it have it, changes nothing.
func (r *runtimes) keepSource(ctx context.Context, form string) error {
	w := osRelease(r.d.cfg.Runtime.Version(), form)
	text, ok, err := r.d.cfg.Store.AgentRelease(ctx, w.key())
	if err != nil {
		return err
	}
	if !ok {
		_, _, err := r.d.releases.compose(ctx, w)
		return err
	}
	rel, _, fault, err := r.d.releases.osFiles(ctx, w)
	if err != nil || fault != "" {
		return err
	}
	if now, err := wire.Text(rel); err == nil && now != text {
		r.d.cfg.Log.Warn("runtime differs from the one that is kept by its version; things get the kept one", "version", w.ver, "form", form)
	}
	return nil
}

// keepOwn keeps the compiled forms of this program's runtime.
func (r *runtimes) keepOwn(ctx context.Context) {
	if r.d.cfg.Runtime == nil || r.d.cfg.Compiler == nil {
		return
	}
	select {
	case <-time.After(r.d.cfg.KeepAfter):
	case <-ctx.Done():
		return
	}
	if _, err := r.all(ctx, r.d.cfg.Runtime.Version(), false); err != nil && ctx.Err() == nil {
		r.d.cfg.Log.Warn("runtime of this program not kept whole", "err", err)
	}
}

// all gives the releases of a version that there are, by form: those that a thing takes which
// has an older one, or with down any. This program's are made if they are not there.
func (r *runtimes) all(ctx context.Context, version string, down bool) (map[string]*made, error) {
	out := map[string]*made{}
	for _, form := range wire.Forms {
		if !r.can(version, form) {
			continue
		}
		w := osRelease(version, form)
		w.down = down
		m, err := r.d.releases.make(ctx, w)
		if err != nil {
			return nil, err
		}
		if m.fault == "" {
			out[w.form()] = m
		}
	}
	return out, nil
}

// can tells whether a form of a version is kept or can be made.
func (r *runtimes) can(version, form string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.kept[version]; k != nil && k.forms[form] {
		return true
	}
	return r.own(version) && slices.Contains(wire.Forms, form) && (strings.HasSuffix(form, "/0") || r.d.cfg.Compiler != nil)
}

// formFor gives the form of a version that a thing takes: source where nothing is compiled for
// it. A profile is what the thing says, and there may be no such form.
func (r *runtimes) formFor(version string, a roost.Agent) (profile string, mpy int) {
	if a.ROM > 0 {
		return profileROM, bytecode
	}
	if a.MPY == bytecode && r.can(version, fmt.Sprintf("%s/%d", a.Profile, bytecode)) {
		return a.Profile, bytecode
	}
	return a.Profile, 0
}

// save keeps a release that was made of this program's runtime.
func (r *runtimes) save(ctx context.Context, w releaseName, made roost.Release, files map[roost.Digest][]byte) error {
	k := roost.KeptRuntime{Version: w.ver, Origin: roost.OfProgram, Added: time.Now().UTC().Truncate(time.Millisecond)}
	if err := r.d.cfg.Store.SaveRuntime(ctx, k, []roost.Release{made}, files, nil); err != nil {
		return err
	}
	r.note(k, w.form())
	return nil
}

// factory is where the runtime lies on a board.
const factory = "_f/"

// osFiles gives a release of a runtime that is not kept yet. fault: there is none of this form.
func (r *releases) osFiles(ctx context.Context, w releaseName) (rel wire.Release, extra map[roost.Digest][]byte, fault string, err error) {
	if w.down {
		up := w
		up.down = false
		m, err := r.makeLocked(ctx, up)
		if err != nil || m.fault != "" {
			return rel, nil, orFault(m), err
		}
		rel, rel.Down = m.r, true
		return rel, nil, "", nil
	}
	if !r.d.runtimes.own(w.ver) || !slices.Contains(wire.Forms, w.form()) {
		return rel, nil, fmt.Sprintf("this Roost has the runtime %s, but not for things of this kind (%s)", w.ver, w.form()), nil
	}
	return programRelease(ctx, r.d.cfg.Runtime, w)
}

// programRelease makes a release of a program's runtime.
func programRelease(ctx context.Context, from Runtime, w releaseName) (rel wire.Release, files map[roost.Digest][]byte, fault string, err error) {
	all, fault, err := programFiles(ctx, from, w)
	if err != nil || fault != "" {
		return rel, nil, fault, err
	}
	rel = wire.Release{Kind: wire.KindOS, Ver: w.ver, Seq: wire.RuntimeSeq(w.ver), Files: map[string]wire.File{}}
	files = map[roost.Digest][]byte{}
	for name, content := range all {
		if name, ok := strings.CutPrefix(name, factory); ok {
			add(rel, files, name, content)
		}
	}
	return rel, files, "", nil
}

// BundleOf gives a program's runtime as it goes into a file; compiles: it can make compiled
// forms, too.
func BundleOf(ctx context.Context, from Runtime, compiles bool) (wire.Bundle, error) {
	b := wire.Bundle{Version: from.Version(), Texts: map[string]string{}, Files: map[string][]byte{}}
	for _, form := range wire.Forms {
		if !compiles && !strings.HasSuffix(form, "/0") {
			continue
		}
		rel, files, fault, err := programRelease(ctx, from, osRelease(b.Version, form))
		if err != nil {
			return b, err
		}
		if fault != "" {
			continue
		}
		if b.Texts[form], err = wire.Text(rel); err != nil {
			return b, err
		}
		for digest, content := range files {
			b.Files[hex.EncodeToString(digest[:])] = content
		}
	}
	return b, b.Check()
}

// orFault is the fault of a release, "" if there is no release.
func orFault(m *made) string {
	if m == nil {
		return ""
	}
	return m.fault
}

// programFiles gives a program's runtime by path on a board.
func programFiles(ctx context.Context, from Runtime, w releaseName) (files map[string][]byte, fault string, err error) {
	if w.profile != profileROM {
		files, err = from.Files(ctx, w.profile, w.mpy)
		return files, "", err
	}
	image, err := from.ROM(ctx)
	if err == nil && image == nil {
		fault = "this Roost was built without MicroPython's compiler and can make no image for a ROM"
	}
	return map[string][]byte{factory + wire.ROMFile: image}, fault, err
}

// Runtimes gives the versions that things can be moved to, the newest first.
func (d *Door) Runtimes(ctx context.Context) ([]roost.RuntimeState, error) {
	running := map[string]int{}
	for _, t := range d.all() {
		running[t.now().OS.Version]++
	}
	d.runtimes.mu.Lock()
	var all []roost.RuntimeState
	for _, k := range d.runtimes.kept {
		all = append(all, roost.RuntimeState{KeptRuntime: k.KeptRuntime, Own: d.runtimes.own(k.Version), Running: running[k.Version]})
	}
	d.runtimes.mu.Unlock()
	for i := range all {
		s := &all[i]
		if err := d.describe(ctx, s); err != nil {
			return nil, roost.Because(roost.Unavailable, err, "The runtimes cannot be read at present.")
		}
		s.Pools, s.Things = d.cfg.Releases.Asking(s.Version)
		if s.Own {
			pools, things := d.cfg.Releases.Asking(roost.Latest)
			s.Pools, s.Things = s.Pools+pools, s.Things+things
		}
	}
	slices.SortFunc(all, func(a, b roost.RuntimeState) int {
		if n := wire.RuntimeSeq(b.Version) - wire.RuntimeSeq(a.Version); n != 0 {
			return int(n)
		}
		return strings.Compare(b.Version, a.Version)
	})
	return all, nil
}

// describe tells what there is of a version, and who has signed it.
func (d *Door) describe(ctx context.Context, s *roost.RuntimeState) error {
	b, sigs, err := d.kept(ctx, s.Version, false)
	if err != nil {
		return err
	}
	sizes := map[string]int64{}
	signed := map[string]map[string]roost.Signature{} // by owner and form
	for form, text := range b.Texts {
		if !strings.HasSuffix(form, wire.DownSuffix) {
			s.Forms = append(s.Forms, form)
		}
		r, err := wire.ParseRelease(text)
		if err != nil {
			return err
		}
		for _, f := range r.Files {
			sizes[f.SHA256] = f.Size
		}
		for _, g := range sigs[form] {
			if signed[g.Owner] == nil {
				signed[g.Owner] = map[string]roost.Signature{}
			}
			signed[g.Owner][form] = g
		}
	}
	slices.Sort(s.Forms)
	for _, size := range sizes {
		s.Bytes += size
	}
	for owner, forms := range signed {
		o := roost.RuntimeOwner{Owner: owner, Down: true}
		whole := true
		for _, form := range s.Forms {
			g, ok := forms[form]
			_, down := forms[form+wire.DownSuffix]
			whole, o.Down = whole && ok, o.Down && down
			if ok && g.At.After(o.At) {
				o.By, o.At = g.By, g.At
			}
		}
		if whole || o.Down {
			s.Owners = append(s.Owners, o)
		}
	}
	slices.SortFunc(s.Owners, func(a, b roost.RuntimeOwner) int { return strings.Compare(a.Owner, b.Owner) })
	return nil
}
