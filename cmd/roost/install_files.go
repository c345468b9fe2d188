package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/roost-iot/roost/install"
)

// putFiles brings the board's files in step with those wanted.
func (i installCmd) putFiles(ctx context.Context, con console, board *install.Board) error {
	files, err := i.files(ctx, board.About())
	if err != nil {
		return err
	}
	if !board.About().Sturdy() {
		fmt.Fprintln(con.err, "Keep the power on: on this file system a cut may leave a file missing. (littlefs would not.)")
	}
	if err := board.Install(ctx, files, newBar(con).progress()); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%d files on the board, read back and right\n", len(files))
	return nil
}

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
	return c.fetch(req)
}

// fetch sends a request whose answer is no JSON.
func (c *client) fetch(req *http.Request) ([]byte, error) {
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
