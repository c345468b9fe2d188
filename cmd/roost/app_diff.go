package main

import (
	"cmp"
	"context"
	"io"
	"net/url"
	"slices"

	"github.com/aymanbagabas/go-udiff"
)

type appDiff struct {
	remote
	App  string `arg:"" help:"Its name or id, or a folder that was pulled."`
	From string `arg:"" optional:"" help:"Commit or tag; without it, the one before the newest, or the one that the folder was pulled from."`
	To   string `arg:"" optional:"" help:"Commit or tag; without it, the newest, or the folder's files."`
}

// Run prints what differs, as diff -u does.
func (d appDiff) Run(ctx context.Context, con console) error {
	if b, err := readBond(d.App); err == nil {
		return d.folder(ctx, con, b)
	}
	c, a, err := d.open(ctx, d.App, "")
	if err != nil {
		return err
	}
	to, err := c.commit(ctx, a.ID, d.To)
	if err != nil {
		return err
	}
	if to == "" && a.Newest != nil {
		to = a.Newest.ID
	}
	from, err := d.from(ctx, c, a.ID, to)
	if err != nil {
		return err
	}
	before := map[string]string{}
	if from != "" {
		if before, _, err = c.files(ctx, a.ID, from); err != nil {
			return err
		}
	}
	after, _, err := c.files(ctx, a.ID, to)
	if err != nil {
		return err
	}
	return printDiff(con.out, cmp.Or(d.From, from), cmp.Or(d.To, to), before, after)
}

// from gives the commit that is held against another: without a name, the one before
// it, "" if it is the first.
func (d appDiff) from(ctx context.Context, c *client, app, to string) (string, error) {
	if d.From != "" {
		return c.commit(ctx, app, d.From)
	}
	var commit struct{ Parent string }
	err := c.call(ctx, "GET", appPath(app)+"/commits/"+url.PathEscape(to), nil, &commit)
	return commit.Parent, err
}

// folder holds a folder against the commit it was pulled from.
func (d appDiff) folder(ctx context.Context, con console, b bond) error {
	c, err := d.client()
	if err != nil {
		return err
	}
	from, err := c.commit(ctx, b.App, cmp.Or(d.From, b.Commit))
	if err != nil {
		return err
	}
	before, _, err := c.files(ctx, b.App, from)
	if err != nil {
		return err
	}
	after, err := readFolder(ctx, d.App)
	if err != nil {
		return err
	}
	return printDiff(con.out, cmp.Or(d.From, from), d.App, before, after)
}

func printDiff(w io.Writer, from, to string, before, after map[string]string) error {
	names := map[string]bool{}
	for _, files := range []map[string]string{before, after} {
		for name := range files {
			names[name] = true
		}
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	for _, name := range sorted {
		text := udiff.Unified(from+"/"+name, to+"/"+name, before[name], after[name])
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}
