package agent

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/agent"
)

// bytecode is the version of compiled files that are made here.
const bytecode = 6

// mostReleases bounds the releases in memory; the store has all.
const mostReleases = 256

// releaseName says which release is meant. What belongs to the other kind is zero.
type releaseName struct {
	kind string // wire.KindApp or wire.KindOS
	ver  string
	down bool // the text of it that things with a newer one take, too

	project roost.ProjectID // of an app
	app     roost.AppID
	over    string // files over those of the commit; see overlay

	profile string // of the runtime; profileROM for an image of it
	mpy     int
}

// form is what a bundle calls a release of the runtime.
func (w releaseName) form() string {
	form := fmt.Sprintf("%s/%d", w.profile, w.mpy)
	if w.down {
		form += wire.DownSuffix
	}
	return form
}

// key is by what the store knows it.
func (w releaseName) key() string {
	if w.kind == wire.KindOS {
		return runtimeKey(w.ver, w.form())
	}
	key := fmt.Sprintf("app/%s/%s/%s", w.project, w.app, w.ver)
	if w.down {
		key += "/down"
	}
	return key
}

// made is a release that is ready, or the reason for which it never will be.
type made struct {
	releaseName
	text  string
	r     wire.Release
	sigs  map[string]string // in hex, by the name of the owner's key
	fault string            // "": it is ready
}

// use gives the names of the files that a thing takes of it: compiled where mpy is that of
// its bytecode.
func (m *made) use(mpy int) (names []string) {
	for name := range m.r.Files {
		base, compiled := strings.CutSuffix(name, ".mpy")
		source, isSource := strings.CutSuffix(name, ".py")
		_, hasSource := m.r.Files[base+".py"]
		_, hasCompiled := m.r.Files[source+".mpy"]
		switch {
		case compiled && hasSource && mpy != bytecode, isSource && hasCompiled && mpy == bytecode:
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// releases makes releases, one at a time, away from the things' calls.
type releases struct {
	d      *Door
	kick   chan struct{}
	making sync.Mutex // held while one is made

	mu        sync.Mutex
	ready     map[string]*made // by key
	asked     []releaseName    // that are not ready; each once
	forgotten int              // how often something was: what was being made then is not ready
}

func newReleases(d *Door) *releases {
	return &releases{d: d, kick: make(chan struct{}, 1), ready: map[string]*made{}}
}

// get gives a release if it is ready; else it will be made, and its things woken.
func (r *releases) get(w releaseName) *made {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.ready[w.key()]; m != nil {
		return m
	}
	for _, other := range r.asked {
		if other == w {
			return nil
		}
	}
	r.asked = append(r.asked, w)
	select {
	case r.kick <- struct{}{}:
	default:
	}
	return nil
}

// run makes what was asked for, until ctx ends.
func (r *releases) run(ctx context.Context) {
	for {
		select {
		case <-r.kick:
		case <-ctx.Done():
			return
		}
		for w, ok := r.next(); ok; w, ok = r.next() {
			_, err := r.make(ctx, w)
			r.done()
			if ctx.Err() != nil {
				return
			}
			if err != nil { // a thing asks again with its next sync
				r.d.cfg.Log.Warn("release not made", "app", string(w.app), "version", w.ver, "err", err)
				continue
			}
			r.d.wakeAll()
		}
	}
}

// next gives what was asked for first, which stays asked for until done; false: nothing was.
func (r *releases) next() (w releaseName, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.asked) == 0 {
		return w, false
	}
	return r.asked[0], true
}

// done takes away what was asked for first.
func (r *releases) done() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = r.asked[1:]
}

// forget makes releases be looked at anew, whose keys begin so: they have another signature,
// or are no more.
func (r *releases) forget(prefix string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgotten++
	maps.DeleteFunc(r.ready, func(key string, _ *made) bool { return strings.HasPrefix(key, prefix) })
}

// make gives a release, made now if it never was.
func (r *releases) make(ctx context.Context, w releaseName) (*made, error) {
	r.making.Lock()
	defer r.making.Unlock()
	return r.makeLocked(ctx, w)
}

// makeLocked is make for who holds r.making.
func (r *releases) makeLocked(ctx context.Context, w releaseName) (*made, error) {
	r.mu.Lock()
	m, before := r.ready[w.key()], r.forgotten
	r.mu.Unlock()
	if m != nil {
		return m, nil
	}
	m = &made{releaseName: w, sigs: map[string]string{}}
	text, ok, err := r.d.cfg.Store.AgentRelease(ctx, w.key())
	if err != nil {
		return nil, err
	}
	if !ok {
		if text, m.fault, err = r.compose(ctx, w); err != nil {
			return nil, err
		}
	}
	if m.fault == "" {
		m.text = text
		if m.r, err = wire.ParseRelease(text); err != nil {
			return nil, err
		}
		all, err := r.d.cfg.Store.Signatures(ctx, w.key())
		if err != nil {
			return nil, err
		}
		for _, s := range all {
			m.sigs[s.Owner] = s.Text
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ready) >= mostReleases {
		clear(r.ready)
	}
	if r.forgotten == before { // or it may lack a signature; it is looked at anew when it is asked for
		r.ready[w.key()] = m
	}
	return m, nil
}

// compose makes the text of a release and keeps it; text is the one that stands. fault: why
// it can never be one. The caller holds r.making, or is alone.
func (r *releases) compose(ctx context.Context, w releaseName) (text, fault string, err error) {
	parts := r.appFiles
	if w.kind == wire.KindOS {
		parts = r.osFiles
	}
	rel, files, fault, err := parts(ctx, w)
	if err != nil || fault != "" {
		return "", fault, err
	}
	for name := range rel.Files {
		if !wire.PlainName(name) {
			return "", fmt.Sprintf("its file %q has a name that things do not take: letters, digits, _, . and - with one / at most", name), nil
		}
	}
	if len(rel.Files) == 0 {
		return "", "it has no files", nil
	}
	if text, err = wire.Text(rel); err != nil {
		return "", "", err
	}
	if _, err := wire.ParseRelease(text); err != nil {
		return "", err.Error(), nil
	}
	made := roost.Release{Key: w.key(), Text: text}
	if w.kind == wire.KindOS {
		return text, "", r.d.runtimes.save(ctx, w, made, files)
	}
	text, err = r.d.cfg.Store.SaveAgentRelease(ctx, made, files)
	return text, "", err
}

var minOS = regexp.MustCompile(`(?m)^MIN_OS\s*=\s*["']([0-9][0-9.]{0,30})["']`)

// appFiles gives a commit, with what stands over it and its compiled forms. Files that do not
// compile are given as they are: the thing says why it cannot run them. Error: roost.NotFound
// for a version with other files over it when w does not say which.
func (r *releases) appFiles(ctx context.Context, w releaseName) (rel wire.Release, extra map[roost.Digest][]byte, fault string, err error) {
	commit, _, fixed := strings.Cut(w.ver, "+")
	if fixed && w.over == "" { // its text is made when its thing is to be offered it
		return rel, nil, "", roost.Errorf(roost.NotFound, "Nothing is there of the version %q: no thing with this hotfix has come for it yet.", w.ver)
	}
	c, err := r.d.cfg.Releases.Commit(ctx, w.project, w.app, commit)
	if err != nil {
		return rel, nil, "", err
	}
	rel = wire.Release{Kind: wire.KindApp, Ver: w.ver, Seq: seqOf(commit), Down: w.down, Files: map[string]wire.File{}}
	extra = map[roost.Digest][]byte{}
	sources := map[string]string{}
	for _, f := range c.Files {
		if sources[f.Name], err = r.d.cfg.Store.Blob(ctx, f.Digest); err != nil {
			return rel, nil, "", err
		}
	}
	if err := r.overlaid(ctx, sources, w.over); err != nil {
		return rel, nil, "", err
	}
	for name, text := range sources {
		rel.Files[name] = wire.FileOf([]byte(text))
		if found := minOS.FindStringSubmatch(text); found != nil && path.Ext(name) == ".py" {
			rel.MinOS = found[1]
		}
		if err := r.compiled(ctx, rel, extra, name, text); err != nil {
			return rel, nil, "", err
		}
	}
	return rel, extra, "", nil
}

// compiled adds the compiled form of a source, if it has one.
func (r *releases) compiled(ctx context.Context, rel wire.Release, extra map[roost.Digest][]byte, name, text string) error {
	base, ok := strings.CutSuffix(name, ".py")
	if !ok || r.d.cfg.Compiler == nil {
		return nil
	}
	code, err := r.d.cfg.Compiler.Compile(ctx, name, []byte(text))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		add(rel, extra, base+".mpy", code)
	}
	return nil
}

// add adds a file to a release.
func add(rel wire.Release, extra map[roost.Digest][]byte, name string, content []byte) {
	f := wire.FileOf(content)
	rel.Files[name] = f
	extra[digestOf(f.SHA256)] = content
}

// digestOf reads the SHA-256 of a release's file.
func digestOf(text string) (d roost.Digest) {
	_, _ = hex.Decode(d[:], []byte(text)) // it was made of one; else there is no file of what comes out
	return d
}

// seqOf is the seq of a commit's release, with files over it or without: its id, in seconds
// since 1970; 0 for no commit.
func seqOf(version string) int64 {
	commit, _, _ := strings.Cut(version, "+")
	n, err := strconv.ParseInt(commit, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// older tells that the runtime a is before b.
func older(a, b string) bool { return wire.RuntimeSeq(a) < wire.RuntimeSeq(b) }

// content gives a file of a release. Error: roost.NotFound.
func (r *releases) content(ctx context.Context, digest string) ([]byte, error) {
	d := digestOf(digest)
	b, err := r.d.cfg.Store.AgentFile(ctx, d)
	if roost.KindOf(err) != roost.NotFound {
		return b, err
	}
	text, err := r.d.cfg.Store.Blob(ctx, d)
	return []byte(text), err
}
