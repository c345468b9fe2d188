package agent

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/agent"
)

// file gives a file of what a thing was offered, hidden from everybody else.
func (d *Door) file(ctx context.Context, c *call, digest string) error {
	if c.r.Method != http.MethodGet {
		c.w.Header().Set("Allow", http.MethodGet)
		return refused(wire.StateRequest, http.StatusMethodNotAllowed, roost.Invalid, "Ask for a file by GET.")
	}
	claim, err := wire.ParseFileClaim(c.r.Header.Get("Authorization"))
	if err != nil {
		return errHello
	}
	ranged := c.r.Header.Get("Range")
	s := d.sessions.find(claim.Session)
	if s == nil || !s.Authorizes(claim, c.r.URL.Path, ranged) || !s.take(claim.Counter) {
		return errHello
	}
	d.sessions.prove(s)
	if !d.calls.Take(s.thing.ref.String(), c.now) {
		return errTooOften
	}
	from, ok := wire.ParseRange(ranged)
	if !ok {
		return refused(wire.StateRequest, http.StatusRequestedRangeNotSatisfiable, roost.Invalid, "Range is bytes=N-.")
	}
	content, err := s.thing.file(ctx, digest)
	if err != nil {
		return err
	}
	if from > int64(len(content)) || from == int64(len(content)) && from > 0 {
		return refused(wire.StateRequest, http.StatusRequestedRangeNotSatisfiable, roost.Invalid, "The file has %d bytes.", len(content))
	}
	status := http.StatusOK
	if ranged != "" && len(content) > 0 { // no range is in an empty file
		status = http.StatusPartialContent
		c.w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
	}
	c.w.Header().Set("ETag", strconv.Quote(digest))
	body := make([]byte, len(content)-int(from))
	s.FileStream(claim.Counter).XORKeyStream(body, content[from:])
	d.lost(c, c.write(status, "application/octet-stream", body))
	return nil
}

var errNoFile = refused(wire.StateRequest, http.StatusNotFound, roost.NotFound, "This thing was offered no such file.")

// file gives a file of the last offer. Errors: errNoFile, roost.Unavailable.
func (t *thing) file(ctx context.Context, digest string) ([]byte, error) {
	o := t.now().Offer
	if o == nil || o.Release == "" {
		return nil, errNoFile
	}
	text, ok, err := t.d.cfg.Store.AgentRelease(ctx, o.Release)
	if err != nil {
		return nil, roost.Because(roost.Unavailable, err, "The file cannot be read at present.")
	}
	if !ok {
		return nil, errNoFile
	}
	r, err := wire.ParseRelease(text)
	if err != nil {
		return nil, err
	}
	for _, name := range o.Use {
		if r.Files[name].SHA256 == digest {
			return t.d.releases.content(ctx, digest)
		}
	}
	return nil, errNoFile
}
