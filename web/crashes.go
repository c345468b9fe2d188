package web

import (
	"context"

	"github.com/roost-iot/roost"
)

// CrashGroup is the crashes with one traceback of one version.
type CrashGroup struct {
	ID        string   `json:"id" example:"9f3k1m2n4p5q6r7s"`
	App       string   `json:"app" example:"5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10" doc:"Empty for the runtime."`
	AppName   string   `json:"appName" example:"Greenhouse"`
	Version   string   `json:"version" example:"1764000000"`
	Part      string   `json:"part" enum:"app,os" doc:"os: the runtime."`
	Error     string   `json:"error" example:"ValueError: no sensor" doc:"The last line of the traceback."`
	Traceback string   `json:"traceback"`
	Count     int64    `json:"count" example:"3"`
	Things    []string `json:"things" nullable:"false" doc:"That had it, the latest first, 100 at most."`
	First     int64    `json:"first" example:"1764000000000"`
	Last      int64    `json:"last" example:"1764000000000"`
	Seen      bool     `json:"seen"`
}

func (s *Server) shownCrash(g roost.CrashGroup) CrashGroup {
	out := CrashGroup{
		ID: g.ID, App: string(g.App), Version: g.Version, Part: g.Part, Error: g.Error, Traceback: g.Text, Count: g.Count,
		Things: []string{}, First: ms(g.First), Last: ms(g.Last), Seen: g.Seen,
	}
	if s.Releases != nil && g.App != "" {
		if a, err := s.Releases.App(s.project, g.App); err == nil && !a.Hidden { // it may be gone
			out.AppName = a.Name
		}
	}
	for _, id := range g.Things {
		out.Things = append(out.Things, string(id))
	}
	return out
}

type crashQuery struct {
	App    string `query:"app" maxLength:"64" doc:"Only those of an app."`
	Thing  string `query:"thing" maxLength:"64" doc:"Only those that a thing had."`
	Unseen bool   `query:"unseen" doc:"Only those that nobody has marked seen."`
}

type crashList struct {
	Body struct {
		Groups []CrashGroup `json:"groups" nullable:"false"`
	} `nameHint:"Crashes"`
}

// mostCrashes bounds one answer.
const mostCrashes = 200

func (s *Server) listCrashes(ctx context.Context, in *crashQuery) (*crashList, error) {
	out := &crashList{}
	out.Body.Groups = []CrashGroup{}
	if s.Agents == nil {
		return out, nil
	}
	groups, err := s.Agents.Crashes(ctx, s.project, roost.AppID(in.App), roost.ThingID(in.Thing), in.Unseen, mostCrashes)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		out.Body.Groups = append(out.Body.Groups, s.shownCrash(g))
	}
	return out, nil
}

type crashPath struct {
	Crash string `path:"crash" maxLength:"64" example:"9f3k1m2n4p5q6r7s" doc:"The id of the group."`
}

func noCrash() error { return roost.Errorf(roost.NotFound, "There is no such crash here.") }

func (s *Server) seeCrash(ctx context.Context, in *crashPath) (*struct{}, error) {
	if s.Agents == nil {
		return nil, noCrash()
	}
	return nil, s.Agents.SeeCrash(ctx, s.project, in.Crash)
}

func (s *Server) deleteCrash(ctx context.Context, in *crashPath) (*struct{}, error) {
	if s.Agents == nil {
		return nil, noCrash()
	}
	if err := s.Agents.DeleteCrash(ctx, s.project, in.Crash); err != nil {
		return nil, err
	}
	return nil, s.audit(ctx, "crash.delete", in.Crash, "")
}
