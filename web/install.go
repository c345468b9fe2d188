package web

import (
	"context"

	"github.com/roost-iot/roost"
)

// changedSoftware writes down what the caller changed of a thing, and shows it.
func (s *Server) changedSoftware(ctx context.Context, in *ThingPath, act, detail string) (*softwareAnswer, error) {
	if err := s.audit(ctx, act, in.ID, detail); err != nil {
		return nil, err
	}
	return s.getSoftware(ctx, in)
}

type installRequest struct {
	ThingPath
	Body struct {
		App  string `json:"app" minLength:"1" maxLength:"64" example:"5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10"`
		Pool string `json:"pool,omitempty" maxLength:"36" example:"development" doc:"The app's default pool if left out."`
	} `contentType:"application/json" nameHint:"Install"`
}

func (s *Server) installApp(ctx context.Context, in *installRequest) (*softwareAnswer, error) {
	if _, err := s.find(in.ID); err != nil {
		return nil, err
	}
	err := s.Releases.Install(ctx, s.ref(in.ID), roost.AppID(in.Body.App), in.Body.Pool, callerOf(ctx).actor.Name)
	if err != nil {
		return nil, err
	}
	return s.changedSoftware(ctx, &in.ThingPath, "thing.install", in.Body.App)
}

func (s *Server) uninstallApp(ctx context.Context, in *ThingPath) (*softwareAnswer, error) {
	if _, err := s.find(in.ID); err != nil {
		return nil, err
	}
	if err := s.Releases.Uninstall(ctx, s.ref(in.ID)); err != nil {
		return nil, err
	}
	return s.changedSoftware(ctx, in, "thing.uninstall", "")
}

type movePool struct {
	ThingPath
	Body struct {
		Pool string `json:"pool" minLength:"1" maxLength:"36" example:"production"`
	} `contentType:"application/json" nameHint:"MovePool"`
}

func (s *Server) moveThing(ctx context.Context, in *movePool) (*softwareAnswer, error) {
	if _, err := s.find(in.ID); err != nil {
		return nil, err
	}
	if err := s.Releases.MovePool(ctx, s.ref(in.ID), in.Body.Pool); err != nil {
		return nil, err
	}
	return s.changedSoftware(ctx, &in.ThingPath, "thing.pool", in.Body.Pool)
}

func (s *Server) reregister(ctx context.Context, in *ThingPath) (*softwareAnswer, error) {
	if _, err := s.find(in.ID); err != nil {
		return nil, err
	}
	if err := s.Releases.Again(ctx, s.ref(in.ID)); err != nil {
		return nil, err
	}
	return s.changedSoftware(ctx, in, "thing.reregister", "")
}

type ownSettings struct {
	ThingPath
	Body OwnSettings `contentType:"application/json"`
}

// OwnSettings is a change of the settings that one thing has of its own.
type OwnSettings struct {
	OS           patch[string] `json:"os,omitempty"`
	App          patch[string] `json:"app,omitempty"`
	Management   patch[int]    `json:"management,omitempty"`
	Worker       patch[int]    `json:"worker,omitempty"`
	TLS          patch[bool]   `json:"tls,omitempty"`
	Encrypt      patch[bool]   `json:"encrypt,omitempty"`
	Battery      patch[bool]   `json:"battery,omitempty"`
	SetupTimeout patch[int]    `json:"setupTimeout,omitempty"`
	Backend      patch[string] `json:"backend,omitempty"`
}

func (o OwnSettings) over(own roost.SettingsChange) roost.SettingsChange {
	o.OS.change(&own.OS)
	o.App.change(&own.App)
	o.Management.change(&own.Management)
	o.Worker.change(&own.Worker)
	o.TLS.change(&own.TLS)
	o.Encrypt.change(&own.Encrypt)
	o.Battery.change(&own.Battery)
	o.SetupTimeout.change(&own.SetupTimeout)
	o.Backend.change(&own.Backend)
	return own
}

func (s *Server) overrideSettings(ctx context.Context, in *ownSettings) (*softwareAnswer, error) {
	s.overriding.Lock()
	defer s.overriding.Unlock()
	now, err := s.getSoftware(ctx, &in.ThingPath)
	if err != nil {
		return nil, err
	}
	own := in.Body.over(roost.SettingsChange(now.Body.Own))
	if err := s.Releases.Override(ctx, s.ref(in.ID), own); err != nil {
		return nil, err
	}
	return s.changedSoftware(ctx, &in.ThingPath, "thing.settings", words(own))
}
