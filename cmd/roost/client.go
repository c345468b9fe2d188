package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// remote are the flags of every command that talks to a running Roost.
type remote struct {
	Server string `help:"Address of the running Roost. Without it, the one whose data folder is --data." placeholder:"URL"`
	Token  string `help:"API token. Without it, the one in the data folder of this machine's Roost." placeholder:"rst_…"`
	Data   string `help:"Data folder of the Roost on this machine." default:"roost-data" type:"path"`
	JSON   bool   `help:"Print what the API answered." env:"-"`
}

// local is what a running server leaves in its data folder for the command
// line of the same machine, readable by its user alone.
type local struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

// localFile is where it lies in the data folder.
func localFile(data string) string { return filepath.Join(data, "secrets", "local.json") }

func (l local) write(data string) error {
	path := localFile(data)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// client speaks to /api/v2.
type client struct {
	local
	http *http.Client
}

func (r remote) client() (*client, error) {
	c := &client{local: local{URL: r.Server, Token: r.Token}, http: &http.Client{Timeout: 2 * time.Minute}}
	c.URL = strings.TrimRight(c.URL, "/")
	if c.URL != "" && !strings.Contains(c.URL, "://") {
		c.URL = "http://" + c.URL
	}
	if c.URL != "" && c.Token != "" {
		return c, nil
	}
	raw, err := os.ReadFile(localFile(r.Data))
	if err != nil {
		return nil, r.noneKnown(err)
	}
	var here local
	if err := json.Unmarshal(raw, &here); err != nil {
		return nil, fmt.Errorf("read %s: %w", localFile(r.Data), err)
	}
	if c.URL == "" {
		c.URL = here.URL
	}
	if c.Token == "" {
		if c.URL != here.URL { // the owner's token goes to nobody else
			return nil, fmt.Errorf("--server %s: give --token, too; the one of this machine's Roost is for %s alone", c.URL, here.URL)
		}
		c.Token = here.Token
	}
	return c, nil
}

// noneKnown says what to do when there is no file of a running Roost.
func (r remote) noneKnown(err error) error {
	if r.Server != "" {
		return fmt.Errorf("--server %s: give --token, too; roost token new makes one over there", r.Server)
	}
	if demo := filepath.Join(filepath.Dir(r.Data), "roost-demo"); demo != r.Data {
		if _, missing := os.Stat(localFile(demo)); missing == nil {
			return fmt.Errorf("no running Roost known at %s; a demo's data folder is beside it: give --data %s", r.Data, demo)
		}
	}
	return fmt.Errorf("no running Roost known: %w; say where its data folder is with --data (or ROOST_DATA), or give --server and --token", err)
}

// call sends in as JSON (nil: no body) and reads the answer into out (nil: thrown away).
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+"/api/v2"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		if told, ok := errors.AsType[*url.Error](err); ok {
			err = told.Err // without the path, which says nothing to people
		}
		return fmt.Errorf("no Roost answers at %s: %w", c.URL, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return problem(res.Status, raw)
	}
	if out == nil || len(raw) == 0 {
		return nil
	}
	return json.Unmarshal(raw, out)
}

// problem makes the sentence of a problem JSON an error.
func problem(status string, raw []byte) error {
	var p struct {
		Detail string `json:"detail"`
		Errors []struct{ Message, Location string }
		// Problems are of the files of a commit.
		Problems []struct {
			File, Text, Severity string
			Line                 int
		}
	}
	if json.Unmarshal(raw, &p) != nil || p.Detail == "" {
		return errors.New("the server answered " + status)
	}
	said := p.Detail
	for _, e := range p.Errors {
		if !strings.Contains(p.Detail, e.Message) {
			said += fmt.Sprintf(" (%s: %s)", e.Location, e.Message)
		}
	}
	for _, e := range p.Problems {
		if strings.Contains(p.Detail, e.Text) {
			continue
		}
		at := e.File
		if e.Line > 0 {
			at += fmt.Sprintf(":%d", e.Line)
		}
		said += fmt.Sprintf("\n  %s: %s: %s", at, e.Severity, e.Text)
	}
	return errors.New(said)
}

// printJSON prints v readably.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
