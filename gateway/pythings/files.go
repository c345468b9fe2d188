package pythings

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pythings"
)

// appFiles gives the names of the files of a commit, or one of them.
func (d *Door) appFiles(ctx context.Context, c *call) (answer, error) {
	if err := d.session(ctx, c); err != nil {
		return answer{}, err
	}
	q, err := c.req.Get()
	if err != nil {
		return answer{}, err
	}
	if q.Version == "" {
		return answer{}, roost.Errorf(roost.Invalid, "version missing")
	}
	src, err := d.sourceOf(ctx, c.thing.ref, q.Version)
	switch {
	case err != nil:
		return answer{}, err
	case q.List:
		return answer{json: src.names}, nil
	}
	text, err := d.appText(ctx, c, q, src)
	if err != nil {
		return answer{}, err
	}
	a, err := c.fileAnswer([]byte(text))
	if err == nil {
		d.write(c.thing.ref, "info", fmt.Sprintf("fetched %s of %s", orAll(q.FileName), q.Version), "")
	}
	return a, err
}

func orAll(name string) string {
	if name == "" {
		return "all files"
	}
	return name
}

// appText gives a file as a device imports it; without a name all of them, as
// generation 0 has it.
func (d *Door) appText(ctx context.Context, c *call, q wire.Get, src source) (string, error) {
	app := d.appOf(c)
	content := func(name string) (string, error) {
		return d.cfg.Releases.Content(ctx, c.thing.ref.Project, app, q.Version, name)
	}
	if q.FileName == "" {
		var all strings.Builder
		all.WriteString(loggerLine)
		for _, name := range src.names {
			text, err := content(name)
			if err != nil {
				return "", err
			}
			all.WriteString(strings.TrimRight(text, "\n") + "\n")
		}
		return all.String() + versionLine(q.Version), nil
	}
	text, err := content(q.FileName)
	if err != nil {
		return "", err
	}
	if c.r.Method == http.MethodGet { // generation 0 imports no logger
		return text + versionLine(q.Version), nil
	}
	return compose(q.FileName, text, q.Version, c.run), nil
}

// fileAnswer gives a file that arrives as it is, or nothing of it. Error: roost.Conflict.
func (c *call) fileAnswer(content []byte) (answer, error) {
	if c.cipher != nil && !wire.Survives(content) {
		return answer{}, roost.Errorf(roost.Conflict, "This file has an & in it, which payload encryption takes out.")
	}
	for _, b := range content {
		if b >= 0x80 {
			return answer{}, roost.Errorf(roost.Conflict, "This file has characters that are not ASCII; a device cannot read it.")
		}
	}
	if content == nil {
		content = []byte{}
	}
	return answer{file: content}, nil
}

// osFiles gives the files of an OS release with their sizes, or one of them.
func (d *Door) osFiles(ctx context.Context, c *call) (answer, error) {
	if err := d.session(ctx, c); err != nil {
		return answer{}, err
	}
	q, err := c.req.Get()
	switch {
	case err != nil:
		return answer{}, err
	case q.Version == "" || q.Platform == "":
		return answer{}, roost.Errorf(roost.Invalid, "version or platform missing")
	case q.List:
		list, err := d.osList(q.Version, q.Platform)
		if err == nil {
			d.write(c.thing.ref, "info", fmt.Sprintf("fetches %s for %s, file by file", q.Version, q.Platform), "")
		}
		return answer{json: list}, err
	case q.FileName == "":
		return answer{}, roost.Errorf(roost.Invalid, "file_name missing")
	}
	content, err := d.osFile(q.Version, q.Platform, q.FileName)
	if err != nil {
		return answer{}, err
	}
	return c.fileAnswer(content)
}

// osList is a JSON object in the order of the shelf, sizes as texts: version.py must
// be taken last.
func (d *Door) osList(version, platform string) (json.RawMessage, error) {
	if !inside(version) || !inside(platform) {
		return nil, errNoOS
	}
	files, err := d.cfg.Releases.OSFiles(version, platform)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range files {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(string(roost.Text(f.Name)) + ":" + strconv.Quote(strconv.FormatInt(f.Size, 10)))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

var errNoOS = roost.Errorf(roost.NotFound, "The shelf has no such file.")

func (d *Door) osFile(version, platform, name string) ([]byte, error) {
	if !inside(version) || !inside(platform) || !inside(name) {
		return nil, errNoOS
	}
	return d.cfg.Releases.OSFile(version, platform, name)
}

// inside tells names that lead nowhere else.
func inside(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\\\x00")
}

// file serves <version>/<platform>/<name> of the shelf to devices of generation 0 and
// to people with a browser.
func (d *Door) file(path, method string) (answer, error) {
	parts := strings.Split(path, "/")
	if method != http.MethodGet && method != http.MethodHead || len(parts) != 3 {
		return answer{}, errNoOS
	}
	content, err := d.osFile(parts[0], parts[1], parts[2])
	if err != nil {
		return answer{}, err
	}
	if content == nil {
		content = []byte{}
	}
	return answer{file: content}, nil
}
