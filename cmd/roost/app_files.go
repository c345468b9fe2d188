package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// bond is what a folder of an app's files remembers, in bondFile.
type bond struct {
	App    string `json:"app"`
	Commit string `json:"commit"` // which its files began from
}

const bondFile = ".roost-app.json"

func readBond(dir string) (b bond, err error) {
	raw, err := os.ReadFile(filepath.Join(dir, bondFile))
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(raw, &b)
}

func (b bond) write(dir string) error {
	raw, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, bondFile), append(raw, '\n'), 0o644)
}

// open gives a client and the app of a name, or of a folder that remembers one.
func (r remote) open(ctx context.Context, app, dir string) (*client, apiApp, error) {
	c, err := r.client()
	if err != nil {
		return nil, apiApp{}, err
	}
	if app == "" {
		b, err := readBond(dir)
		if err != nil {
			return nil, apiApp{}, fmt.Errorf("say which app: %s remembers none; roost app ls shows which there are", dir)
		}
		app = b.App
	}
	a, err := c.app(ctx, app)
	return c, a, err
}

// words joins a list for people.
func words(list []string) string {
	if len(list) == 0 {
		return "-"
	}
	return strings.Join(list, ",")
}

// settingsOf reads management=5 and the like.
func settingsOf(change []string) (map[string]any, error) {
	settings := map[string]any{}
	for _, c := range change {
		name, value, ok := strings.Cut(c, "=")
		if !ok || !slices.Contains(settingNames, name) {
			return nil, fmt.Errorf("%q is no setting; write NAME=VALUE with one of %s", c, strings.Join(settingNames, ", "))
		}
		switch name {
		case "management", "worker", "setupTimeout":
			n, err := strconv.Atoi(value)
			if err != nil {
				return nil, fmt.Errorf("%s: %q is no number of seconds", name, value)
			}
			settings[name] = n
		case "tls", "encrypt", "battery":
			on, err := strconv.ParseBool(value)
			if err != nil {
				return nil, fmt.Errorf("%s: %q is neither true nor false", name, value)
			}
			settings[name] = on
		default:
			settings[name] = value
		}
	}
	return settings, nil
}

// files gives those of a commit, "" for the newest with what is saved in the editor.
func (c *client) files(ctx context.Context, app, commit string) (files map[string]string, base string, err error) {
	var answer struct {
		Base  string
		Files []struct{ Name, Content, State string }
	}
	if err := c.call(ctx, "GET", appPath(app)+"/files?commit="+url.QueryEscape(commit), nil, &answer); err != nil {
		return nil, "", err
	}
	files = make(map[string]string, len(answer.Files))
	for _, f := range answer.Files {
		if f.State != "deleted" {
			files[f.Name] = f.Content
		}
	}
	return files, answer.Base, nil
}

// commit gives the id of a commit that may be named by a tag; "" stays as it is.
func (c *client) commit(ctx context.Context, app, name string) (string, error) {
	if strings.Trim(name, "0123456789") == "" {
		return name, nil
	}
	var answer struct {
		Name string
		Tags []struct{ Name, Commit string }
	}
	if err := c.call(ctx, "GET", appPath(app), nil, &answer); err != nil {
		return "", err
	}
	for _, t := range answer.Tags {
		if t.Name == name {
			return t.Commit, nil
		}
	}
	return "", fmt.Errorf("%s has no commit and no tag %q; roost app log %s shows them", answer.Name, name, app)
}

type appPull struct {
	remote
	App    string `arg:"" help:"Its name or id."`
	Dir    string `arg:"" optional:"" help:"Where to; without it, a folder of the app's name." type:"path"`
	Commit string `help:"Which commit or tag; without it, the newest." env:"-"`
	Force  bool   `help:"Overwrite files that differ." env:"-"`
}

// Run writes the files and remembers the app in the folder.
func (p appPull) Run(ctx context.Context, con console) error {
	c, a, err := p.open(ctx, p.App, "")
	if err != nil {
		return err
	}
	if p.Dir == "" {
		p.Dir = folderName(a.Name)
	}
	if p.Commit, err = c.commit(ctx, a.ID, p.Commit); err != nil {
		return err
	}
	if p.Commit == "" && a.Newest != nil {
		p.Commit = a.Newest.ID
	}
	files, _, err := c.files(ctx, a.ID, p.Commit)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(p.Dir, 0o755); err != nil {
		return err
	}
	if !p.Force {
		if err := unharmed(p.Dir, files); err != nil {
			return err
		}
	}
	for name, content := range files {
		if filepath.Base(name) != name {
			return fmt.Errorf("the server named a file %q, which is no plain name", name)
		}
		if err := os.WriteFile(filepath.Join(p.Dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	if err := (bond{App: a.ID, Commit: p.Commit}).write(p.Dir); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s of %s, commit %s, in %s\n", counted(len(files), "file"), a.Name, p.Commit, p.Dir)
	return nil
}

// folderName is an app's name as that of a folder.
func folderName(name string) string {
	clean := strings.Trim(strings.Map(func(r rune) rune {
		if r == '_' || unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) {
			return r
		}
		return '-'
	}, name), "-")
	return cmp.Or(clean, "app")
}

// unharmed says that a folder has no file that differs from those that come.
func unharmed(dir string, files map[string]string) error {
	for name, content := range files {
		have, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if string(have) != content {
			return fmt.Errorf("%s differs from what would come; push it first, or overwrite it with --force", filepath.Join(dir, name))
		}
	}
	return nil
}

type appPush struct {
	remote
	Dir     string `arg:"" optional:"" help:"Folder of the files; a Git working tree is fine." default:"." type:"path"`
	App     string `help:"Its name or id; without it, the one that the folder remembers." env:"-"`
	Message string `short:"m" help:"What has changed; without it, in a Git working tree, the message of its last commit." env:"-"`
	Force   bool   `help:"Commit over what others have committed since the folder was pulled." env:"-"`
}

// Run makes a commit and says who gets it.
func (p appPush) Run(ctx context.Context, con console) error {
	c, a, err := p.open(ctx, p.App, p.Dir)
	if err != nil {
		return err
	}
	files, err := readFolder(ctx, p.Dir)
	if err != nil {
		return err
	}
	if p.Message == "" {
		if p.Message = git(ctx, p.Dir, "log", "-1", "--pretty=%s"); p.Message == "" {
			return errors.New("say what has changed, with -m")
		}
	}
	in := map[string]any{"message": p.Message, "files": files, "origin": "command line"}
	if before, err := readBond(p.Dir); err == nil && before.App == a.ID && !p.Force {
		in["parent"] = before.Commit
	}
	var made struct {
		Commit apiCommit
		Ships  []struct {
			Pool   string
			Things int
		}
	}
	if err := c.call(ctx, "POST", appPath(a.ID)+"/commits", in, &made); err != nil {
		return err
	}
	if err := (bond{App: a.ID, Commit: made.Commit.ID}).write(p.Dir); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "commit %s of %s\n", made.Commit.ID, a.Name)
	for _, s := range made.Ships {
		fmt.Fprintf(con.out, "goes to %s in %s\n", counted(s.Things, "thing"), s.Pool)
	}
	return nil
}

// readFolder gives the files of a folder: those that Git would keep if it is a working
// tree of Git, else all that are not hidden. Folders in it are left out.
func readFolder(ctx context.Context, dir string) (map[string]string, error) {
	var names []string
	if list := git(ctx, dir, "ls-files", "--cached", "--others", "--exclude-standard"); list != "" {
		names = strings.Split(list, "\n")
	} else {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	files := map[string]string{}
	for _, name := range names {
		info, err := os.Stat(filepath.Join(dir, name))
		if filepath.Base(name) != name || strings.HasPrefix(name, ".") || err != nil || !info.Mode().IsRegular() {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		files[name] = string(content)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is no file in %s", dir)
	}
	return files, nil
}

// git asks Git about a folder; "" if there is none, or it knows nothing.
func git(ctx context.Context, dir string, args ...string) string {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...).Output()
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(out))
}
