package main

import (
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
	if d.To == "" && a.Newest != nil {
		d.To = a.Newest.ID
	}
	if d.From == "" {
		var commit struct{ Parent string }
		if err := c.call(ctx, "GET", appPath(a.ID)+"/commits/"+url.PathEscape(d.To), nil, &commit); err != nil {
			return err
		}
		d.From = commit.Parent
	}
	before := map[string]string{}
	if d.From != "" {
		if before, _, err = c.files(ctx, a.ID, d.From); err != nil {
			return err
		}
	}
	after, _, err := c.files(ctx, a.ID, d.To)
	if err != nil {
		return err
	}
	return printDiff(con.out, d.From, d.To, before, after)
}

// folder holds a folder against the commit it was pulled from.
func (d appDiff) folder(ctx context.Context, con console, b bond) error {
	c, err := d.client()
	if err != nil {
		return err
	}
	if d.From == "" {
		d.From = b.Commit
	}
	before, _, err := c.files(ctx, b.App, d.From)
	if err != nil {
		return err
	}
	after, err := readFolder(ctx, d.App)
	if err != nil {
		return err
	}
	return printDiff(con.out, d.From, d.App, before, after)
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
