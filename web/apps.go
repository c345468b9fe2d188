package web

import (
	"context"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// App is a set of Python files that run on things.
type App struct {
	ID          string        `json:"id" example:"5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10" doc:"What a PythingsOS device brings as its AID."`
	Number      int64         `json:"number" example:"1" doc:"The Pythings web API calls it intaid."`
	Name        string        `json:"name" example:"Greenhouse"`
	Things      int           `json:"things" example:"3" doc:"Things that have it."`
	Online      int           `json:"online" example:"2" doc:"Those of them that are online."`
	DefaultPool string        `json:"defaultPool" example:"development" doc:"Where new things go."`
	Admits      bool          `json:"admits" doc:"Things that bring its id need no approval."`
	Checked     bool          `json:"checked" doc:"The syntax of its files is checked before a commit."`
	Created     int64         `json:"created" example:"1764000000000"`
	Edited      int64         `json:"edited" example:"1764000000000" doc:"Of its newest commit or draft."`
	By          string        `json:"by" example:"ada" doc:"Who made it."`
	Drafts      int           `json:"drafts" example:"1" doc:"Files that are saved and not committed."`
	Newest      maybe[Commit] `json:"newest" doc:"Its newest commit."`
}

// AppDetail is an app with what belongs to it.
type AppDetail struct {
	App
	Pools []Pool `json:"pools" nullable:"false"`
	Tags  []Tag  `json:"tags" nullable:"false"`
}

// AppPath is embedded by what is about one app.
type AppPath struct {
	App string `path:"app" maxLength:"64" example:"5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10" doc:"The id of the app."`
}

func (p AppPath) id() roost.AppID { return roost.AppID(p.App) }

type appAnswer struct{ Body App }

type appDetailAnswer struct{ Body AppDetail }

type appList struct {
	Body struct {
		Apps []App `json:"apps" nullable:"false"`
	} `nameHint:"Apps"`
}

// spread is how many things have each app, pool and commit of a project.
type spread struct {
	things, online map[roost.AppID]int
	running        map[running]int
}

type running struct {
	app    roost.AppID
	commit string
}

// spreadOf counts the things of all apps, or of one.
func (s *Server) spreadOf(app roost.AppID) spread {
	n := spread{things: map[roost.AppID]int{}, online: map[roost.AppID]int{}, running: map[running]int{}}
	for _, sw := range s.Releases.AllSoftware(s.project) {
		if sw.App == "" || app != "" && sw.App != app {
			continue
		}
		n.things[sw.App]++
		n.running[running{sw.App, sw.Version}]++
		if t, _, ok := s.Registry.Get(sw.Ref); ok && t.Online {
			n.online[sw.App]++
		}
	}
	return n
}

// shownApp gives an app as the API shows it, with its newest commit.
func (s *Server) shownApp(ctx context.Context, a roost.App, n spread) (App, error) {
	out := App{
		ID: string(a.ID), Number: a.Number, Name: a.Name, Things: n.things[a.ID], Online: n.online[a.ID],
		DefaultPool: a.DefaultPool, Admits: a.Admits, Checked: !a.Unchecked,
		Created: ms(a.Created), Edited: ms(a.Edited), By: a.By, Drafts: s.Releases.Drafts(a.Project, a.ID),
	}
	newest, err := s.Releases.Commit(ctx, a.Project, a.ID, "")
	if err != nil {
		return out, err
	}
	c := s.marksOf(a.ID, n).shown(newest)
	out.Newest.of = &c
	return out, nil
}

func (s *Server) listApps(ctx context.Context, _ *struct{}) (*appList, error) {
	out := &appList{}
	out.Body.Apps = []App{}
	n := s.spreadOf("")
	for _, a := range s.Releases.Apps(s.project) {
		shown, err := s.shownApp(ctx, a, n)
		if roost.KindOf(err) == roost.NotFound {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		out.Body.Apps = append(out.Body.Apps, shown)
	}
	return out, nil
}

func (s *Server) getApp(ctx context.Context, in *AppPath) (*appDetailAnswer, error) {
	a, err := s.Releases.App(s.project, in.id())
	if err != nil {
		return nil, err
	}
	shown, err := s.shownApp(ctx, a, s.spreadOf(a.ID))
	if err != nil {
		return nil, err
	}
	out := AppDetail{App: shown, Pools: []Pool{}, Tags: []Tag{}}
	for _, p := range s.Releases.Pools(s.project, a.ID) {
		out.Pools = append(out.Pools, shownPool(p, a))
	}
	for _, t := range s.Releases.Tags(s.project, a.ID) {
		out.Tags = append(out.Tags, shownTag(t))
	}
	return &appDetailAnswer{out}, nil
}

type newApp struct {
	Body struct {
		Name       string `json:"name" minLength:"1" maxLength:"64" example:"Greenhouse"`
		Management int    `json:"management,omitempty" minimum:"1" maximum:"2678400" default:"60" doc:"Seconds between two management calls of a thing."`
		Worker     int    `json:"worker,omitempty" minimum:"1" maximum:"2678400" default:"300" doc:"Seconds between two worker calls."`
		Latest     *bool  `json:"latest,omitempty" doc:"Its pools follow the newest commit; else they stay with the first. True if left out."`
		OS         string `json:"os,omitempty" maxLength:"36" default:"factory" doc:"The PythingsOS version of its things: \"factory\", or one on the shelf."`
		Board      string `json:"board,omitempty" maxLength:"64" example:"distance-meter" doc:"The kind of board whose files it is, and the name of its directory; empty: none."`
	} `contentType:"application/json" nameHint:"NewApp"`
}

func (s *Server) addApp(ctx context.Context, in *newApp) (*appAnswer, error) {
	a, err := s.Releases.CreateApp(ctx, s.project, release.NewApp{
		Name: in.Body.Name, By: callerOf(ctx).actor.Name,
		Management: in.Body.Management, Worker: in.Body.Worker, Latest: in.Body.Latest == nil || *in.Body.Latest, OS: in.Body.OS,
		Board: in.Body.Board,
	})
	if err != nil {
		return nil, err
	}
	if err := s.audit(ctx, "app.add", string(a.ID), a.Name); err != nil {
		return nil, err
	}
	shown, err := s.shownApp(ctx, a, spread{})
	return &appAnswer{shown}, err
}

type appChange struct {
	AppPath
	Body struct {
		Name        *string `json:"name,omitempty" minLength:"1" maxLength:"64" example:"Greenhouse"`
		DefaultPool *string `json:"defaultPool,omitempty" maxLength:"36" example:"development" doc:"Where new things go."`
		Admits      *bool   `json:"admits,omitempty" doc:"Things that bring its id need no approval."`
		Checked     *bool   `json:"checked,omitempty" doc:"The syntax of its files is checked before a commit."`
	} `contentType:"application/json" nameHint:"AppChange"`
}

func (s *Server) changeApp(ctx context.Context, in *appChange) (*appDetailAnswer, error) {
	change := release.AppChange{Name: in.Body.Name, DefaultPool: in.Body.DefaultPool, Admits: in.Body.Admits}
	if in.Body.Checked != nil {
		unchecked := !*in.Body.Checked
		change.Unchecked = &unchecked
	}
	a, err := s.Releases.ChangeApp(ctx, s.project, in.id(), change)
	if err != nil {
		return nil, err
	}
	if err := s.audit(ctx, "app.change", in.App, a.Name+": "+words(in.Body)); err != nil {
		return nil, err
	}
	return s.getApp(ctx, &in.AppPath)
}

func (s *Server) deleteApp(ctx context.Context, in *AppPath) (*struct{}, error) {
	a, err := s.Releases.App(s.project, in.id())
	if err != nil {
		return nil, err
	}
	if err := s.Releases.DeleteApp(ctx, s.project, in.id()); err != nil {
		return nil, err
	}
	return nil, s.audit(ctx, "app.delete", in.App, a.Name)
}
