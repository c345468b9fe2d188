package web

import (
	"context"
	"encoding/json"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// Settings is what the things of a pool are told to be.
type Settings struct {
	OS           string `json:"os" example:"factory" doc:"\"factory\" (what is on the thing stays), a version on the shelf, or for things of Roost's own runtime \"latest\": that of this server. PythingsOS and the runtime have versions of their own; a thing keeps what it has if there is none for it."`
	App          string `json:"app" example:"latest" doc:"\"latest\", the name of a tag, or the id of a commit."`
	Management   int    `json:"management" example:"60" doc:"Seconds between two management calls."`
	Worker       int    `json:"worker" example:"300" doc:"Seconds between two worker calls."`
	TLS          bool   `json:"tls" doc:"Things speak TLS."`
	Encrypt      bool   `json:"encrypt" doc:"Things encrypt what they send in PythingsOS' own way, for boards without TLS."`
	Battery      bool   `json:"battery" doc:"Told to things; PythingsOS 1.x does nothing with it."`
	SetupTimeout int    `json:"setupTimeout" example:"60" doc:"Seconds; told to things, PythingsOS 1.x does nothing with it."`
	Backend      string `json:"backend" doc:"Where things shall go, host[:port][/prefix]; empty: they stay here."`
}

// SettingsChange is a change of settings; what is left out stays.
type SettingsChange struct {
	OS           *string `json:"os,omitempty" maxLength:"36" example:"factory"`
	App          *string `json:"app,omitempty" maxLength:"40" example:"latest"`
	Management   *int    `json:"management,omitempty" minimum:"1" maximum:"2678400" example:"60"`
	Worker       *int    `json:"worker,omitempty" minimum:"1" maximum:"2678400" example:"300"`
	TLS          *bool   `json:"tls,omitempty"`
	Encrypt      *bool   `json:"encrypt,omitempty"`
	Battery      *bool   `json:"battery,omitempty"`
	SetupTimeout *int    `json:"setupTimeout,omitempty" minimum:"0" maximum:"3600" example:"60"`
	Backend      *string `json:"backend,omitempty" maxLength:"100"`
}

// words says a change for people.
func words(change any) string {
	text, err := json.Marshal(change)
	if err != nil {
		return ""
	}
	return string(text)
}

// Pool is a group of things of an app that share settings.
type Pool struct {
	Name     string   `json:"name" example:"development"`
	Kind     string   `json:"kind" enum:"development,staging,production" doc:"A development pool on \"latest\" follows every commit; the others follow tagged ones."`
	Default  bool     `json:"default" doc:"New things go here."`
	Things   int      `json:"things" example:"3"`
	Settings Settings `json:"settings"`
	Commit   string   `json:"commit" example:"1764000000" doc:"The commit that its settings come to."`
	Edited   int64    `json:"edited" example:"1764000000000"`
}

func shownPool(p release.PoolState, a roost.App) Pool {
	return Pool{
		Name: p.Name, Kind: string(p.Kind), Default: p.Name == a.DefaultPool, Things: p.Things,
		Settings: Settings(p.Settings), Commit: p.Commit, Edited: ms(p.Edited),
	}
}

// PoolPath is embedded by what is about one pool.
type PoolPath struct {
	AppPath
	Pool string `path:"pool" maxLength:"36" example:"development" doc:"The name of the pool."`
}

type poolAnswer struct{ Body Pool }

// pool gives a pool as the API shows it.
func (s *Server) pool(app roost.AppID, name string) (*poolAnswer, error) {
	a, err := s.Releases.App(s.project, app)
	if err != nil {
		return nil, err
	}
	for _, p := range s.Releases.Pools(s.project, app) {
		if p.Name == name {
			return &poolAnswer{shownPool(p, a)}, nil
		}
	}
	return nil, roost.Errorf(roost.NotFound, "The app %s has no pool %q.", a.Name, name)
}

type newPool struct {
	AppPath
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"36" example:"greenhouses"`
		Kind string `json:"kind,omitempty" enum:"development,staging,production" default:"development"`
	} `contentType:"application/json" nameHint:"NewPool"`
}

func (s *Server) addPool(ctx context.Context, in *newPool) (*poolAnswer, error) {
	p, err := s.Releases.AddPool(ctx, s.project, in.id(), in.Body.Name, roost.PoolKind(in.Body.Kind))
	if err != nil {
		return nil, err
	}
	if err := s.audit(ctx, "pool.add", in.App, p.Name); err != nil {
		return nil, err
	}
	return s.pool(in.id(), p.Name)
}

type poolChange struct {
	PoolPath
	Body struct {
		Name     *string        `json:"name,omitempty" minLength:"1" maxLength:"36" example:"greenhouses"`
		Kind     *string        `json:"kind,omitempty" enum:"development,staging,production"`
		Settings SettingsChange `json:"settings,omitempty" doc:"What is left out stays."`
	} `contentType:"application/json" nameHint:"PoolChange"`
}

func (s *Server) changePool(ctx context.Context, in *poolChange) (*poolAnswer, error) {
	change := release.PoolChange{Name: in.Body.Name, Settings: roost.SettingsChange(in.Body.Settings)}
	if in.Body.Kind != nil {
		kind := roost.PoolKind(*in.Body.Kind)
		change.Kind = &kind
	}
	p, err := s.Releases.ChangePool(ctx, s.project, in.id(), in.Pool, change)
	if err != nil {
		return nil, err
	}
	if err := s.audit(ctx, "pool.change", in.App, in.Pool+": "+words(in.Body)); err != nil {
		return nil, err
	}
	return s.pool(in.id(), p.Name)
}

func (s *Server) deletePool(ctx context.Context, in *PoolPath) (*struct{}, error) {
	if err := s.Releases.DeletePool(ctx, s.project, in.id(), in.Pool); err != nil {
		return nil, err
	}
	return nil, s.audit(ctx, "pool.delete", in.App, in.Pool)
}
