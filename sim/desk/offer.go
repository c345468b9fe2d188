package desk

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/roost-iot/roost/wire/agent"
)

// Release is a version of an app or of the runtime with its files.
type Release struct {
	agent.Release
	Contents map[string][]byte  // by name
	Use      []string           // the files that the thing is to take; nil: all
	Owner    ed25519.PrivateKey // signs it; nil: nobody
}

// App makes a release of an app.
func App(version string, files map[string]string) Release {
	return release(agent.KindApp, version, files)
}

// Runtime makes a release of the runtime; names are those in its slot.
func Runtime(version string, files map[string]string) Release {
	return release(agent.KindOS, version, files)
}

func release(kind, version string, files map[string]string) Release {
	r := Release{Contents: map[string][]byte{}}
	r.Kind, r.Ver, r.Files = kind, version, map[string]agent.File{}
	r.Seq, _ = strconv.ParseInt(version, 10, 64) // other versions have 0 unless the caller sets it
	for name, text := range files {
		r.Contents[name] = []byte(text)
		r.Files[name] = agent.FileOf([]byte(text))
	}
	return r
}

// offer is a release for one thing.
type offer struct {
	Release
	text, envelope, sig string
	n                   int64
	boot                string    // in which it was given last
	at                  time.Time // when
}

// again is when an offer is given once more to a thing that has said nothing of it.
const again = 10 * time.Second

// Offer gives the thing a release, in place of the one of this kind that it was offered
// before. A thing that runs this version is not told of it.
func (t *Thing) Offer(r Release) error {
	text, err := agent.Text(r.Release)
	if err != nil {
		return err
	}
	t.mu.Lock()
	n := t.number + 1
	t.mu.Unlock()
	o, err := t.envelope(r, text, n)
	if err != nil {
		return err
	}
	t.change(func() {
		t.number = n
		t.offers = append(slices.DeleteFunc(t.offers, func(x *offer) bool { return x.Kind == r.Kind }), o)
	})
	return nil
}

func (t *Thing) envelope(r Release, text string, n int64) (*offer, error) {
	use := r.Use
	if use == nil {
		use = slices.Sorted(maps.Keys(r.Contents))
	}
	e, err := agent.Text(agent.Envelope{For: t.ID, N: n, Use: use})
	if err != nil {
		return nil, err
	}
	o := &offer{Release: r, text: text, envelope: e, n: n}
	if r.Owner != nil {
		o.sig = agent.Sign(r.Owner, text)
	}
	return o, nil
}

// Withdraw takes back what was offered of a kind.
func (t *Thing) Withdraw(kind string) {
	t.change(func() { t.offers = slices.DeleteFunc(t.offers, func(o *offer) bool { return o.Kind == kind }) })
}

// Forge has every offer changed before it goes out, for things that must not take it; nil:
// they go as they are.
func (t *Thing) Forge(forge func(*agent.Update)) { t.change(func() { t.forge = forge }) }

// offered is the update that a sync is answered with: the runtime's before the app's, none
// that runs already, was refused or failed. mu is held.
func (t *Thing) offered(q agent.Sync) *agent.Update {
	for _, kind := range []string{agent.KindOS, agent.KindApp} {
		slot, runs := t.view.Slots.App, q.App
		if kind == agent.KindOS {
			slot, runs = t.view.Slots.OS, q.OS
		}
		i := slices.IndexFunc(t.offers, func(o *offer) bool { return o.Kind == kind })
		if i < 0 {
			continue
		}
		o := t.offers[i]
		if o.Ver == runs || o.n <= slot.N || slot.Try != nil || t.said(o, agent.Fetching, agent.Installed, agent.Refused, agent.Confirmed) {
			continue
		}
		now := t.server.real()
		if o.boot == q.Boot && now.Sub(o.at) < again && !t.said(o, agent.Held) {
			continue
		}
		o.boot, o.at = q.Boot, now
		u := t.secret.Offer(o.text, o.envelope, o.sig)
		if t.forge != nil {
			t.forge(&u)
		}
		return &u
	}
	return nil
}

// said tells whether the thing's last word about an offer is one of these; mu is held.
func (t *Thing) said(o *offer, states ...string) bool {
	p := t.view.Sync.Update
	return p != nil && p.Kind == o.Kind && p.Ver == o.Ver && slices.Contains(states, p.State)
}

// content finds a file of what was offered to the thing.
func (t *Thing) content(sha256 string) ([]byte, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range t.offers {
		for name, f := range o.Files {
			if f.SHA256 == sha256 {
				return o.Contents[name], true
			}
		}
	}
	return nil, false
}

// file serves one to whom it was offered.
func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	sha, ok := strings.CutPrefix(r.URL.Path, agent.PathFiles)
	if !ok {
		refuse(w, http.StatusNotFound, agent.StateRequest, "There is nothing here.")
		return
	}
	ranged := r.Header.Get("Range")
	claim, err := agent.ParseFileClaim(r.Header.Get("Authorization"))
	x, counter, ok := s.take(claim.Session, func(x *session) (uint32, bool) {
		return claim.Counter, err == nil && x.Authorizes(claim, r.URL.Path, ranged)
	})
	if !ok {
		refuse(w, http.StatusUnauthorized, agent.StateHello, "No session of this id: say hello again.")
		return
	}
	x.thing.change(func() { x.thing.view.Files++ })
	from, ok := agent.ParseRange(ranged)
	body, found := x.thing.content(sha)
	if !ok || !found || from > int64(len(body)) {
		refuse(w, http.StatusNotFound, agent.StateRequest, "This was not offered to this thing.")
		return
	}
	status := http.StatusOK
	if ranged != "" {
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, max(from, int64(len(body))-1), len(body)))
	}
	out := bytes.Clone(body[from:])
	x.FileStream(counter).XORKeyStream(out, out)
	w.Header().Set("Content-Type", "application/octet-stream")
	write(w, status, out)
}

// ReadRelease gives what is in an update, for tests that forge one.
func ReadRelease(u agent.Update) (r agent.Release, e agent.Envelope, err error) {
	return r, e, errors.Join(json.Unmarshal([]byte(u.R), &r), json.Unmarshal([]byte(u.E), &e))
}
