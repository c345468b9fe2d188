package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"
)

type appCmd struct {
	Test     appTest     `cmd:"" help:"Run an app on a virtual board and say whether it is healthy."`
	Ls       appLs       `cmd:"" help:"List apps."`
	New      appNew      `cmd:"" help:"Make an app with tasks that do a little, to begin from."`
	Pull     appPull     `cmd:"" help:"Write the files of an app into a folder."`
	Push     appPush     `cmd:"" help:"Commit the files of a folder, which then go to the things that follow."`
	Log      appLog      `cmd:"" help:"List the commits of an app."`
	Diff     appDiff     `cmd:"" help:"Show what differs between two commits, or a folder and a commit."`
	Rollouts appRollouts `cmd:"" help:"Show versions from which things returned; let one go on that was stopped."`
	Take     appTake     `cmd:"" help:"Take the directory of a kind of board as it lies there, at once."`
	Tag      appTag      `cmd:"" help:"Give a commit a name, which things of staging and production follow."`
	Key      appKey      `cmd:"" help:"Make the pair of keys with which releases are signed."`
	Sign     appSign     `cmd:"" help:"Sign the release of a commit, for things that take nothing else."`
	Settings appSettings `cmd:"" help:"Show or change what the things of a pool are told to be."`
}

// apiApp is what the API says of an app, as far as it is printed.
type apiApp struct {
	ID, Name       string
	Things, Online int
	Newest         *apiCommit
	DefaultPool    string
	Pools          []apiPool
}

type apiCommit struct {
	ID, Message, Author string
	At                  int64
	Tags, Pools         []string
	Running             int
}

type apiPool struct {
	Name, Kind, Commit string
	Default            bool
	Things             int
	Settings           map[string]any
}

// appPath is where the API has an app.
func appPath(id string) string { return "/apps/" + url.PathEscape(id) }

// app finds one by its name or id.
func (c *client) app(ctx context.Context, name string) (apiApp, error) {
	var answer struct{ Apps []apiApp }
	if err := c.call(ctx, "GET", "/apps", nil, &answer); err != nil {
		return apiApp{}, err
	}
	var found []apiApp
	for _, a := range answer.Apps {
		if a.ID == name {
			return a, nil
		}
		if a.Name == name {
			found = append(found, a)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return apiApp{}, fmt.Errorf("there is no app %q; roost app ls shows which there are", name)
	}
	return apiApp{}, fmt.Errorf("%d apps are called %q; say which by its id, which roost app ls shows", len(found), name)
}

type appLs struct{ remote }

// Run prints a line an app.
func (l appLs) Run(ctx context.Context, con console) error {
	c, err := l.client()
	if err != nil {
		return err
	}
	if l.JSON {
		return printAnswer(ctx, c, con.out, "/apps")
	}
	var answer struct{ Apps []apiApp }
	if err := c.call(ctx, "GET", "/apps", nil, &answer); err != nil {
		return err
	}
	if len(answer.Apps) == 0 {
		fmt.Fprintln(con.out, "No apps. Make one with: roost app new NAME")
		return nil
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tTHINGS\tONLINE\tCOMMIT\tMESSAGE\tID")
	for _, a := range answer.Apps {
		newest := a.Newest
		if newest == nil {
			newest = &apiCommit{}
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\n", onOneLine(a.Name), a.Things, a.Online, newest.ID, onOneLine(newest.Message), a.ID)
	}
	return w.Flush()
}

type appNew struct {
	remote
	Name       string        `arg:"" help:"What it is called."`
	Management time.Duration `help:"How often its things come for messages and news." default:"60s" env:"-"`
	Worker     time.Duration `help:"How often its worker task runs." default:"300s" env:"-"`
	OS         string        `name:"os" help:"Version of the OS that its things shall run: factory, or one of the shelf." default:"factory" env:"-"`
	Board      string        `help:"The kind of board whose files it is: its directory has this name." placeholder:"KIND" env:"-"`
	Follow     bool          `help:"Things of development and staging follow new commits and tags." default:"true" negatable:"" env:"-"`
}

// Run prints the app's id, so that it can be put on a device.
func (n appNew) Run(ctx context.Context, con console) error {
	c, err := n.client()
	if err != nil {
		return err
	}
	var a apiApp
	err = c.call(ctx, "POST", "/apps", map[string]any{
		"name": n.Name, "management": int(n.Management.Seconds()), "worker": int(n.Worker.Seconds()), "latest": n.Follow, "os": n.OS,
		"board": n.Board,
	}, &a)
	if err != nil {
		return err
	}
	if n.JSON {
		return printAnswer(ctx, c, con.out, appPath(a.ID))
	}
	fmt.Fprintln(con.out, a.ID)
	return nil
}

type appLog struct {
	remote
	App string `arg:"" optional:"" help:"Its name or id; without it, that of this folder."`
}

// Run prints a line a commit, newest first.
func (l appLog) Run(ctx context.Context, con console) error {
	c, a, err := l.open(ctx, l.App, ".")
	if err != nil {
		return err
	}
	if l.JSON {
		return printAnswer(ctx, c, con.out, appPath(a.ID)+"/commits")
	}
	var answer struct{ Commits []apiCommit }
	if err := c.call(ctx, "GET", appPath(a.ID)+"/commits", nil, &answer); err != nil {
		return err
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "COMMIT\tWHEN\tAUTHOR\tTAGS\tPOOLS\tRUNNING\tMESSAGE")
	for _, m := range answer.Commits {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", m.ID, ago(m.At), onOneLine(m.Author), words(m.Tags), words(m.Pools), m.Running, onOneLine(m.Message))
	}
	return w.Flush()
}

type appTake struct {
	remote
	App string `arg:"" help:"Its name or id."`
}

// Run has the directory of a kind of board taken as it lies there.
func (t appTake) Run(ctx context.Context, con console) error {
	c, a, err := t.open(ctx, t.App, "")
	if err != nil {
		return err
	}
	var made struct{ Commit, Origin string }
	if err := c.call(ctx, "POST", appPath(a.ID)+"/directory", nil, &made); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s\n", made.Commit)
	return nil
}

type appRollouts struct {
	remote
	App    string `arg:"" help:"Its name or id."`
	Resume string `help:"Let this version go on, which was stopped because it failed on things." placeholder:"VERSION" env:"-"`
}

type apiRollout struct {
	Pool, Kind, Version string
	Failed              []string
	Halted, Resumed     bool
}

// Run prints a line a version from which things returned, or lets one go on wherever it
// was stopped.
func (r appRollouts) Run(ctx context.Context, con console) error {
	c, a, err := r.open(ctx, r.App, "")
	if err != nil {
		return err
	}
	path := appPath(a.ID) + "/rollouts"
	if r.JSON && r.Resume == "" {
		return printAnswer(ctx, c, con.out, path)
	}
	var answer struct{ Rollouts []apiRollout }
	if err := c.call(ctx, "GET", path, nil, &answer); err != nil {
		return err
	}
	if r.Resume != "" {
		return r.resume(ctx, con, c, a, answer.Rollouts)
	}
	if len(answer.Rollouts) == 0 {
		fmt.Fprintln(con.out, "No thing has returned from a version of this app.")
		return nil
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "POOL\tKIND\tVERSION\tSTATE\tRETURNED")
	for _, o := range answer.Rollouts {
		state := "goes on"
		if o.Halted {
			state = "stopped"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", o.Pool, o.Kind, o.Version, state, words(o.Failed))
	}
	return w.Flush()
}

func (r appRollouts) resume(ctx context.Context, con console, c *client, a apiApp, all []apiRollout) error {
	found := false
	for _, o := range all {
		if o.Version != r.Resume || !o.Halted {
			continue
		}
		found = true
		body := map[string]any{"kind": o.Kind, "version": o.Version}
		if err := c.call(ctx, "POST", appPath(a.ID)+"/pools/"+url.PathEscape(o.Pool)+"/resume", body, nil); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "%s goes on in %s\n", o.Version, o.Pool)
	}
	if !found {
		return fmt.Errorf("version %s of %s is stopped nowhere; roost app rollouts %s shows which are", r.Resume, a.Name, a.Name)
	}
	return nil
}

type appTag struct {
	remote
	App    string `arg:"" help:"Its name or id."`
	Name   string `arg:"" help:"The tag."`
	Commit string `arg:"" optional:"" help:"Which commit, by its id or another tag; without it, the newest."`
	Rm     bool   `help:"Take the tag away." env:"-"`
}

// Run makes, moves or removes a tag.
func (t appTag) Run(ctx context.Context, con console) error {
	c, a, err := t.open(ctx, t.App, "")
	if err != nil {
		return err
	}
	path := appPath(a.ID) + "/tags/" + url.PathEscape(t.Name)
	if t.Rm {
		return c.call(ctx, "DELETE", path, nil, nil)
	}
	if t.Commit, err = c.commit(ctx, a.ID, t.Commit); err != nil {
		return err
	}
	if t.Commit == "" && a.Newest != nil {
		t.Commit = a.Newest.ID
	}
	var made struct{ Commit string }
	if err := c.call(ctx, "PUT", path, map[string]any{"commit": t.Commit}, &made); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s is %s\n", t.Name, made.Commit)
	return nil
}

type appSettings struct {
	remote
	App    string   `arg:"" help:"Its name or id."`
	Change []string `arg:"" optional:"" help:"What to change: management=5 worker=60 app=latest os=v1.1.0 tls=true encrypt=false battery=false setupTimeout=60 backend=HOST:PORT."`
	Pool   string   `help:"Which pool; without it, the one where new things go." env:"-"`
}

// Run prints the settings of a pool, after the change if there is one.
func (s appSettings) Run(ctx context.Context, con console) error {
	c, a, err := s.open(ctx, s.App, "")
	if err != nil {
		return err
	}
	if s.Pool == "" {
		s.Pool = a.DefaultPool
	}
	if len(s.Change) > 0 {
		change, err := settingsOf(s.Change)
		if err != nil {
			return err
		}
		path := appPath(a.ID) + "/pools/" + url.PathEscape(s.Pool)
		if err := c.call(ctx, "PATCH", path, map[string]any{"settings": change}, nil); err != nil {
			return err
		}
	}
	if err := c.call(ctx, "GET", appPath(a.ID), nil, &a); err != nil {
		return err
	}
	for _, p := range a.Pools {
		if p.Name == s.Pool {
			return printPool(con, p, s.JSON)
		}
	}
	return fmt.Errorf("the app has no pool %q; it has %s", s.Pool, words(poolNames(a.Pools)))
}

func poolNames(pools []apiPool) (names []string) {
	for _, p := range pools {
		names = append(names, p.Name)
	}
	return names
}

func printPool(con console, p apiPool, asJSON bool) error {
	if asJSON {
		return printJSON(con.out, p.Settings)
	}
	w := tabwriter.NewWriter(con.out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "pool\t%s, %s\n", poolName(p), counted(p.Things, "thing"))
	for _, name := range settingNames {
		fmt.Fprintf(w, "%s\t%v", name, p.Settings[name])
		if name == "app" && p.Commit != p.Settings[name] {
			fmt.Fprintf(w, " (%s)", p.Commit)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// settingNames are those of a pool, in the order in which they are printed.
var settingNames = []string{"app", "os", "management", "worker", "tls", "encrypt", "battery", "setupTimeout", "backend"}

// UnmarshalJSON keeps numbers as they were written.
func (p *apiPool) UnmarshalJSON(raw []byte) error {
	type plain apiPool
	var shadow struct {
		plain
		Settings map[string]json.RawMessage
	}
	if err := json.Unmarshal(raw, &shadow); err != nil {
		return err
	}
	*p = apiPool(shadow.plain)
	p.Settings = make(map[string]any, len(shadow.Settings))
	for name, value := range shadow.Settings {
		p.Settings[name] = valueText(value)
	}
	return nil
}

// poolName is the name of a pool, with its kind if the name does not say it.
func poolName(p apiPool) string {
	if p.Name == p.Kind {
		return p.Name
	}
	return fmt.Sprintf("%s (%s)", p.Name, p.Kind)
}
