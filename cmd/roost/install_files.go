package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/roost-iot/roost/install"
)

// files gives what shall be on the board.
func (i installCmd) files(ctx context.Context, about install.About) (install.Files, error) {
	if i.Files != "" {
		return install.ReadFolder(i.Files)
	}
	platform := i.Platform
	if platform == "" {
		platform = about.Platform
	}
	c, err := i.client()
	if err != nil {
		return nil, err
	}
	raw, err := c.download(ctx, "/shelf/"+url.PathEscape(i.PythingsOS)+"/"+url.PathEscape(platform)+".zip")
	if err != nil {
		return nil, fmt.Errorf("fetch PythingsOS %s for %s: %w", i.PythingsOS, platform, err)
	}
	files, err := install.ReadZip(raw)
	if err != nil {
		return nil, fmt.Errorf("PythingsOS %s for %s: %w", i.PythingsOS, platform, err)
	}
	for _, name := range []string{"boot.py", "hal.py"} {
		if files[name] == nil {
			return nil, fmt.Errorf("PythingsOS %s for %s on the shelf has no %s: it was made for updates only; put the archive of PythingsOS' installer on the shelf", i.PythingsOS, platform, name)
		}
	}
	return files, nil
}

// download gets what is not JSON.
func (c *client) download(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", c.URL+"/api/v2"+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w (is Roost running at %s?)", err, c.URL)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 300 {
		return nil, problem(res.Status, raw)
	}
	return raw, nil
}

// bar shows how an installation goes: on a terminal a line that fills up, else
// a line a file.
type bar struct {
	w    io.Writer
	live bool
	name string
}

func (b *bar) progress() install.Progress {
	return install.Progress{File: b.file, Sent: b.sent}
}

func (b *bar) file(name string, size int, same bool) {
	b.name = name
	switch {
	case same && !b.live:
		fmt.Fprintf(b.w, "  %s (is there)\n", name)
	case !same && !b.live:
		fmt.Fprintf(b.w, "  %s, %d bytes\n", name, size)
	}
}

func (b *bar) sent(done, all int64) {
	if !b.live || all == 0 {
		return
	}
	const width = 30
	full := int(done * width / all)
	fmt.Fprintf(b.w, "\r[%s%s] %3d%% %-24.24s", strings.Repeat("#", full), strings.Repeat(".", width-full), done*100/all, b.name)
	if done == all {
		fmt.Fprintln(b.w)
	}
}
