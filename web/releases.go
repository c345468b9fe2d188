package web

import (
	"context"
	"net/http"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
)

func (s *Server) releaseRoutes() {
	add(s, endpoint{
		method: "GET", path: "/apps/{app}/commits/{commit}/release", id: "get-release", tag: tagSource, right: account.View, errors: []int{404, 409},
		summary: "Get the release of a commit", detail: "The text that things of Roost's own runtime get, byte for byte as an owner signs it: the SHA-256 of all files, compiled ones too. It stays the same.",
	}, s.getRelease)
	add(s, endpoint{
		method: "PUT", path: "/apps/{app}/commits/{commit}/release/signature", id: "sign-release", tag: tagSource, right: account.Operate, errors: []int{404, 409},
		summary: "Give the release of a commit its owner's signature", detail: "Ed25519 (RFC 8032) over the text of the release. Things that have this release key take nothing without.",
	}, s.signRelease)
	add(s, endpoint{
		method: "GET", path: "/apps/{app}/rollouts", id: "list-rollouts", tag: tagSoftware, right: account.View, errors: []int{404},
		summary: "List versions from which things returned", detail: "A version that fails on 3 things of a pool is given to no other thing there.",
	}, s.listRollouts)
	add(s, endpoint{
		method: "POST", path: "/apps/{app}/pools/{pool}/resume", id: "resume-rollout", tag: tagSoftware, right: account.Operate, status: http.StatusNoContent, errors: []int{404},
		summary: "Let a stopped rollout go on",
	}, s.resumeRollout)
}

// ReleaseSignature tells that an owner signed a release.
type ReleaseSignature struct {
	Owner string `json:"owner" example:"24f6ed6acbfe1009" doc:"The first 16 digits of the SHA-256 of the public key, as things tell it."`
	By    string `json:"by" example:"ada" doc:"Who brought it."`
	At    int64  `json:"at" example:"1764000000000"`
}

type releaseQuery struct {
	CommitPath
	Down bool `query:"down" doc:"The text of one that may be taken by a thing which has a newer one."`
}

type releaseAnswer struct {
	Body struct {
		Text       string             `json:"text" doc:"What is signed."`
		Signatures []ReleaseSignature `json:"signatures" nullable:"false"`
	} `nameHint:"Release"`
}

// withAgents gives the app's id, if things of the runtime can come here.
func (s *Server) withAgents(id string) (roost.AppID, error) {
	if s.Agents == nil || s.Releases == nil {
		return "", noRuntime()
	}
	a, err := s.Releases.App(s.project, roost.AppID(id))
	return a.ID, err
}

func (s *Server) getRelease(ctx context.Context, in *releaseQuery) (*releaseAnswer, error) {
	app, err := s.withAgents(in.App)
	if err != nil {
		return nil, err
	}
	text, sigs, err := s.Agents.Statement(ctx, s.project, app, in.Commit, in.Down)
	if err != nil {
		return nil, err
	}
	out := &releaseAnswer{}
	out.Body.Text, out.Body.Signatures = text, []ReleaseSignature{}
	for _, g := range sigs {
		out.Body.Signatures = append(out.Body.Signatures, ReleaseSignature{Owner: g.Owner, By: g.By, At: ms(g.At)})
	}
	return out, nil
}

type newSignature struct {
	CommitPath
	Body struct {
		Public    string `json:"public" minLength:"64" maxLength:"64" doc:"The release key's public half, in hexadecimal digits."`
		Signature string `json:"signature" minLength:"128" maxLength:"128" doc:"In hexadecimal digits."`
		Down      bool   `json:"down,omitempty" doc:"It is of the text with down."`
	} `contentType:"application/json" nameHint:"NewSignature"`
}

type signatureAnswer struct{ Body ReleaseSignature }

func (s *Server) signRelease(ctx context.Context, in *newSignature) (*signatureAnswer, error) {
	app, err := s.withAgents(in.App)
	if err != nil {
		return nil, err
	}
	g, err := s.Agents.Sign(ctx, s.project, app, in.Commit, in.Body.Down, in.Body.Public, in.Body.Signature, callerOf(ctx).actor.Name)
	if err != nil {
		return nil, err
	}
	return &signatureAnswer{ReleaseSignature{Owner: g.Owner, By: g.By, At: ms(g.At)}}, s.audit(ctx, "release.sign", in.App, in.Commit+" "+g.Owner)
}

// Rollout is the move of a pool to a version from which things returned.
type Rollout struct {
	Pool    string   `json:"pool" example:"production"`
	Kind    string   `json:"kind" enum:"os,app"`
	Version string   `json:"version" example:"1764000000"`
	Failed  []string `json:"failed" nullable:"false" doc:"Things that returned from it."`
	Halted  bool     `json:"halted" doc:"No other thing of the pool gets it."`
	Resumed bool     `json:"resumed" doc:"A person let it go on all the same."`
}

type rolloutList struct {
	Body struct {
		Rollouts []Rollout `json:"rollouts" nullable:"false"`
	} `nameHint:"Rollouts"`
}

func (s *Server) listRollouts(_ context.Context, in *AppPath) (*rolloutList, error) {
	app, err := s.withAgents(in.App)
	if err != nil {
		return nil, err
	}
	out := &rolloutList{}
	out.Body.Rollouts = []Rollout{}
	for _, r := range s.Agents.Rollouts(s.project, app) {
		shown := Rollout{Pool: r.Pool, Kind: r.Kind, Version: r.Version, Failed: []string{}, Halted: r.Halted, Resumed: r.Resumed}
		for _, id := range r.Failed {
			shown.Failed = append(shown.Failed, string(id))
		}
		out.Body.Rollouts = append(out.Body.Rollouts, shown)
	}
	return out, nil
}

type resumeRequest struct {
	PoolPath
	Body struct {
		Kind    string `json:"kind" enum:"os,app"`
		Version string `json:"version" maxLength:"64" example:"1764000000"`
	} `contentType:"application/json" nameHint:"ResumeRollout"`
}

func (s *Server) resumeRollout(ctx context.Context, in *resumeRequest) (*struct{}, error) {
	app, err := s.withAgents(in.App)
	if err != nil {
		return nil, err
	}
	if err := s.Agents.Resume(ctx, s.project, app, in.Pool, in.Body.Kind, in.Body.Version); err != nil {
		return nil, err
	}
	return nil, s.audit(ctx, "rollout.resume", in.App, in.Pool+" "+in.Body.Version)
}
