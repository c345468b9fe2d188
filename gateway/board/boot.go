package board

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// Bounds of what boards say of themselves.
const (
	mostHashes = 1000 // files
	maxWord    = 64   // bytes of a label, a version, an address
)

// bootRequest is what a board asks for its files with.
type bootRequest struct {
	MAC        string            `json:"mac"`
	AppType    string            `json:"app_type"`
	DeviceType string            `json:"device_type"`
	Hashes     map[string]string `json:"hashes"`
	Files      map[string]string `json:"files"` // instead of hashes, as is md5
	MD5        map[string]string `json:"md5"`
	All        bool              `json:"all"`
	Stream     bool              `json:"stream"`
}

// bootAnswer tells a board what it lacks.
type bootAnswer struct {
	DeviceID string   `json:"device_id"`
	Update   bool     `json:"update"`
	Files    any      `json:"files,omitempty"` // texts by name, or a list of streamed
	Order    []string `json:"order,omitempty"`
	Epoch    int64    `json:"epoch"`
}

// streamed is a file that a board fetches by itself.
type streamed struct {
	Name   string `json:"name"`
	Size   int    `json:"size"`
	MD5    string `json:"md5"`
	SHA256 string `json:"sha256"`
	URL    string `json:"url"`
}

// cleanMAC gives the 12 hex digits of a MAC; ok is false when it is none.
func cleanMAC(s string) (mac string, ok bool) {
	mac = strings.ToLower(strings.NewReplacer(":", "", "-", "", ".", "").Replace(strings.TrimSpace(s)))
	raw, err := hex.DecodeString(mac)
	return mac, err == nil && len(raw) == 6
}

// check reads a request, whose MAC it makes plain, and gives the MD5 of the files that the
// board has, in lower case. Errors: roost.Invalid, roost.TooLarge, with the field that is wrong.
func (q *bootRequest) check() (have map[string]string, err error) {
	mac, ok := cleanMAC(q.MAC)
	switch {
	case q.MAC == "":
		return nil, missing("mac")
	case !ok:
		return nil, roost.Errorf(roost.Invalid, "Field mac: %q is no MAC; it has 12 hex digits.", short(q.MAC))
	case q.AppType == "":
		return nil, missing("app_type")
	}
	q.MAC = mac
	if err := release.CheckBoard(q.AppType); err != nil {
		return nil, roost.Errorf(roost.Invalid, "Field app_type: %s", roost.Message(err))
	}
	for _, given := range []map[string]string{q.Hashes, q.Files, q.MD5} {
		if given != nil {
			have = given
			break
		}
	}
	if have == nil {
		return nil, missing("hashes")
	}
	if len(have) > mostHashes {
		return nil, roost.Errorf(roost.TooLarge, "Field hashes: a board tells of at most %d files.", mostHashes)
	}
	for name, md5 := range have {
		have[name] = strings.ToLower(md5)
	}
	return have, nil
}

// short is s as it can stand in a sentence, or in the store.
func short(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "?")
	if len(s) > maxWord {
		s = strings.ToValidUTF8(s[:maxWord], "")
	}
	return s
}

// plausible gives those of have that may be kept: an MD5 for a name that can be shown.
func plausible(have map[string]string) map[string]string {
	kept := map[string]string{}
	for name, md5 := range have {
		if raw, err := hex.DecodeString(md5); err == nil && len(raw) == 16 && name == short(name) {
			kept[name] = md5
		}
	}
	return kept
}

// boot tells a board which files it lacks.
func (d *Door) boot(ctx context.Context, c *call) (answer, error) {
	var q bootRequest
	if err := c.decode(&q); err != nil {
		return answer{}, err
	}
	have, err := q.check()
	if err != nil {
		return answer{}, err
	}
	if !d.calls.Take("boot "+q.MAC, c.now) {
		return answer{}, tooOften()
	}
	app, ok := d.cfg.Releases.BoardApp(d.cfg.Project, q.AppType)
	if !ok {
		return answer{}, d.unknownKind(q.AppType)
	}
	b, err := d.arrive(ctx, c, q.MAC, roost.ThingID(q.AppType+"-"+q.MAC), app.Admits)
	if err != nil {
		return answer{}, err
	}
	if err := b.hold(); err != nil {
		return answer{}, err
	}
	defer b.mu.Unlock()
	return b.update(ctx, c, &q, app, have)
}

// tooOften refuses a call that comes too soon after others of the same board.
func tooOften() error {
	return roost.Errorf(roost.TooMany, "This board asks too often; it is to wait some seconds.")
}

// unknownKind refuses a board of a kind that there is not, with those that there are.
func (d *Door) unknownKind(kind string) error {
	kinds := []string{}
	for _, a := range d.cfg.Releases.Apps(d.cfg.Project) {
		if a.Board != "" {
			kinds = append(kinds, a.Board)
		}
	}
	text := "there is none yet"
	if len(kinds) > 0 {
		text = "there are " + strings.Join(kinds, ", ")
	}
	return &refusal{err: roost.Errorf(roost.NotFound, "There is no kind of board %q here; %s.", short(kind), text), kinds: kinds}
}

// update answers a board that has booted; the caller holds b.mu.
func (b *board) update(ctx context.Context, c *call, q *bootRequest, app roost.App, have map[string]string) (answer, error) {
	f := b.facts
	f.MAC, f.AppType, f.DeviceType, f.Booted, f.Files = q.MAC, q.AppType, short(q.DeviceType), c.now.UTC(), plausible(have)
	if err := b.keep(ctx, f); err != nil {
		return answer{}, err
	}
	b.booted(ctx)
	if err := b.bind(ctx, app, "0", c.remote, false); err != nil {
		return answer{}, err
	}
	commit, files, err := b.wanted(ctx)
	if err != nil {
		return answer{}, err
	}
	all := q.All || bare(files, have)
	version, err := b.versionOf(ctx, commit, files, have, all)
	if err != nil {
		return answer{}, err
	}
	need := lacking(files, have, all)
	if len(need) == 0 || version != "0" { // its app runs now, or it is known what ran
		if err := b.bind(ctx, app, version, c.remote, true); err != nil {
			return answer{}, err
		}
	}
	a := bootAnswer{DeviceID: string(b.ref.Thing), Update: len(need) > 0, Epoch: c.now.Unix()}
	if a.Update {
		if a.Files, a.Order, err = b.shipped(ctx, commit, need, q.Stream); err != nil {
			return answer{}, err
		}
	}
	due := b.due(all)
	what := "booted: its files are right"
	if a.Update {
		what = fmt.Sprintf("booted: gets %s of %s", strings.Join(a.Order, ", "), commit.ID)
	}
	return answer{body: a, sent: func(err error) {
		if err == nil {
			b.d.write(b.ref, "info", what)
		}
		b.given(context.WithoutCancel(ctx), due, err, c.now)
	}}, nil
}

// bare tells that a board has nothing yet and so gets all files, not those of Python only.
// Once it has these it tells of them. If none of the wanted files is Python it never does,
// and would be given the others at every boot.
func bare(wanted []wantedFile, have map[string]string) bool {
	return len(have) == 0 && slices.ContainsFunc(wanted, func(f wantedFile) bool { return isPython(f.name) })
}

// shipped gives files as a board gets them, and their order.
func (b *board) shipped(ctx context.Context, c roost.Commit, need []wantedFile, stream bool) (files any, order []string, err error) {
	texts := map[string]string{}
	var list []streamed
	for _, f := range need {
		order = append(order, f.name)
		if stream {
			digest := hex.EncodeToString(f.digest[:])
			at := base + "files/" + url.PathEscape(string(b.ref.Thing)) + "/" + digest + "/" + url.PathEscape(f.name)
			list = append(list, streamed{Name: f.name, Size: f.size, MD5: f.md5, SHA256: digest, URL: at})
			continue
		}
		if texts[f.name], err = b.content(ctx, c, f); err != nil {
			return nil, nil, err
		}
	}
	if stream {
		return list, order, nil
	}
	return texts, order, nil
}
