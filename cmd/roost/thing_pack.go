package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path"
)

type thingPack struct {
	remote
	Platform string `help:"python: a computer with Python 3.9 or later." enum:"python" default:"python" env:"-"`
	Name     string `help:"What the thing is called." required:"" env:"-"`
	App      string `help:"App that it shall run, by its name or id." env:"-"`
	Pool     string `help:"Pool of the app." env:"-"`
	Backend  string `help:"Where the computer finds Roost: HOST:PORT, or an address with https://; without it, where Roost says." placeholder:"HOST:PORT" env:"-"`
	Output   string `short:"o" help:"Where the zip is written." required:"" placeholder:"FILE" type:"path" env:"-"`
}

// Run makes a thing and writes the zip that is to be unpacked where it shall run.
func (p thingPack) Run(ctx context.Context, con console) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	in := map[string]string{"platform": p.Platform, "name": p.Name, "pool": p.Pool}
	if p.App != "" {
		a, err := c.app(ctx, p.App)
		if err != nil {
			return err
		}
		in["app"] = a.ID
	}
	if in["server"], err = p.server(c); err != nil {
		return err
	}
	maps.DeleteFunc(in, func(_, v string) bool { return v == "" })
	if _, err := os.Stat(p.Output); err == nil {
		return fmt.Errorf("%s is there already: it may hold the key of another thing", p.Output)
	}
	raw, err := c.post(ctx, "/boards/pack", in)
	if err != nil {
		return err
	}
	id, folder, server, err := packed(raw)
	if err != nil {
		return err
	}
	if err := writeNew(p.Output, raw, 0o600); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s: thing %s, for the Roost at %s. Unpack it there, then %s/run.sh\n", p.Output, id, server, folder)
	return nil
}

// server is what was given, or the address by which Roost is reached from here, unless
// that is this machine itself.
func (p thingPack) server(c *client) (string, error) {
	switch {
	case p.Backend != "":
		return withScheme(p.Backend)
	case !isThisMachine(c.URL):
		return c.URL, nil
	}
	return "", nil
}

// packed reads what a zip is for.
func packed(raw []byte) (id, folder, server string, err error) {
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return "", "", "", fmt.Errorf("read the zip: %w", err)
	}
	var key struct{ ID string }
	var settings struct{ Server string }
	for _, f := range z.File {
		into := map[string]any{"key": &key, "settings.json": &settings}[path.Base(f.Name)]
		if into == nil {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return "", "", "", fmt.Errorf("read the zip: %w", err)
		}
		err = errors.Join(json.NewDecoder(io.LimitReader(r, 4096)).Decode(into), r.Close())
		if err != nil {
			return "", "", "", fmt.Errorf("read %s in the zip: %w", f.Name, err)
		}
	}
	if key.ID == "" || len(z.File) == 0 {
		return "", "", "", errors.New("the zip has no key")
	}
	folder = z.File[0].Name
	for dir := path.Dir(folder); dir != "."; dir = path.Dir(dir) {
		folder = dir
	}
	return key.ID, folder, settings.Server, nil
}

// post sends JSON and gives what is no JSON.
func (c *client) post(ctx context.Context, to string, in any) ([]byte, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, "POST", c.URL+"/api/v2"+to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	return c.fetch(req)
}
