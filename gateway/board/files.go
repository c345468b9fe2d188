package board

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/roost-iot/roost"
)

// serveFile serves a file that a boot's answer named: DEVICE-ID/SHA256/NAME.
func (d *Door) serveFile(c *call, path string) {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		c.refuseMethod("GET, HEAD", "Ask by GET.")
		return
	}
	id, digest, name, ok := fileAt(path)
	if !ok {
		d.refuse(c, noSuchFile())
		return
	}
	text, err := d.file(c.r.Context(), c, id, digest, name)
	if err != nil {
		d.refuse(c, err)
		return
	}
	h := c.w.Header()
	h.Set("Content-Type", "text/x-python; charset=utf-8")
	h.Set("ETag", `"`+hex.EncodeToString(digest[:])+`"`)
	h.Set("Connection", "close")
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(patience)) // tests may have none
	http.ServeContent(c.w, c.r, "", time.Time{}, strings.NewReader(text))
}

// fileAt reads the address of a file.
func fileAt(path string) (id roost.ThingID, digest roost.Digest, name string, ok bool) {
	parts := strings.Split(path, "/")
	if len(parts) != 3 {
		return id, digest, name, false
	}
	raw, err := hex.DecodeString(parts[1])
	if err != nil || len(raw) != len(digest) {
		return id, digest, name, false
	}
	copy(digest[:], raw)
	return roost.ThingID(parts[0]), digest, parts[2], true
}

func noSuchFile() error {
	return roost.Errorf(roost.NotFound, "There is no such file; ask again with /iot/boot.")
}

// file gives a file of a board's app or hotfixes, also one that is no longer wanted: a
// commit may come while a board fetches what its boot named. Errors: roost.NotFound,
// roost.Denied, roost.TooMany.
func (d *Door) file(ctx context.Context, c *call, id roost.ThingID, digest roost.Digest, name string) (string, error) {
	t, _, ok := d.cfg.Registry.Get(roost.Ref{Project: d.cfg.Project, Thing: id})
	switch {
	case !ok || t.Identity.Door != doorName:
		return "", noSuchFile()
	case t.Enrolment != roost.Enrolled:
		return "", &refusal{err: roost.Errorf(roost.Denied, "Board %s has not been let in.", id), device: id}
	case !d.fetches.Take(string(id), c.now):
		return "", tooOften()
	}
	b := d.board(t.Ref)
	if err := b.hold(); err != nil {
		return "", err
	}
	defer b.mu.Unlock()
	for _, h := range b.fixes {
		for _, f := range h.Files {
			if f.Digest == digest && f.Name == name {
				return d.cfg.Store.HotfixContent(ctx, h.ID, name)
			}
		}
	}
	w, ok := d.cfg.Releases.Wanted(t.Ref)
	if !ok {
		return "", noSuchFile()
	}
	commits, err := d.cfg.Releases.Commits(ctx, w.App.Project, w.App.ID)
	if err != nil {
		return "", err
	}
	for i := range commits {
		for _, f := range commits[i].Files {
			if f.Digest == digest && f.Name == name {
				return d.cfg.Releases.Content(ctx, w.App.Project, w.App.ID, commits[i].ID, name)
			}
		}
	}
	return "", noSuchFile()
}
