package web

import (
	"context"
	"encoding/hex"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// Commit is an immutable set of files of an app.
type Commit struct {
	ID      string       `json:"id" example:"1764000000"`
	Parent  string       `json:"parent" example:"1763990000" doc:"The commit before; empty for the first."`
	Message string       `json:"message" example:"Read the second sensor"`
	Author  string       `json:"author" example:"ada"`
	Origin  string       `json:"origin" example:"editor" doc:"Where it was made: editor, command line, import, pythings api."`
	At      int64        `json:"at" example:"1764000000000"`
	Tags    []string     `json:"tags" nullable:"false" example:"[\"v1.0\"]"`
	Pools   []string     `json:"pools" nullable:"false" example:"[\"development\"]" doc:"Pools whose settings come to it."`
	Files   []CommitFile `json:"files" nullable:"false"`
	Running int          `json:"running" example:"2" doc:"Things that run it."`
}

// CommitFile is a file of a commit, without its text.
type CommitFile struct {
	Name   string `json:"name" example:"worker_task.py"`
	Size   int    `json:"size" example:"420" doc:"Bytes."`
	SHA256 string `json:"sha256" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
}

// Tag is a name for a commit.
type Tag struct {
	Name   string `json:"name" example:"v1.0"`
	Commit string `json:"commit" example:"1764000000"`
	By     string `json:"by" example:"ada"`
	At     int64  `json:"at" example:"1764000000000"`
}

func shownTag(t roost.Tag) Tag { return Tag{Name: t.Name, Commit: t.Commit, By: t.By, At: ms(t.At)} }

// marks is what points at the commits of an app.
type marks struct {
	tags, pools map[string][]string
	running     map[running]int
}

func (s *Server) marksOf(app roost.AppID, n spread) marks {
	m := marks{tags: map[string][]string{}, pools: map[string][]string{}, running: n.running}
	for _, t := range s.Releases.Tags(s.project, app) {
		m.tags[t.Commit] = append(m.tags[t.Commit], t.Name)
	}
	for _, p := range s.Releases.Pools(s.project, app) {
		m.pools[p.Commit] = append(m.pools[p.Commit], p.Name)
	}
	return m
}

func (m marks) shown(c roost.Commit) Commit {
	out := Commit{
		ID: c.ID, Parent: c.Parent, Message: c.Message, Author: c.Author, Origin: c.Origin, At: ms(c.At),
		Tags: append([]string{}, m.tags[c.ID]...), Pools: append([]string{}, m.pools[c.ID]...),
		Files: make([]CommitFile, len(c.Files)), Running: m.running[running{c.App, c.ID}],
	}
	for i, f := range c.Files {
		out.Files[i] = CommitFile{Name: f.Name, Size: f.Size, SHA256: hex.EncodeToString(f.Digest[:])}
	}
	return out
}

// CommitPath is embedded by what is about one commit.
type CommitPath struct {
	AppPath
	Commit string `path:"commit" maxLength:"40" example:"1764000000" doc:"The id of the commit."`
}

type commitList struct {
	Body struct {
		Commits []Commit `json:"commits" nullable:"false"`
	} `nameHint:"Commits"`
}

func (s *Server) listCommits(ctx context.Context, in *AppPath) (*commitList, error) {
	commits, err := s.Releases.Commits(ctx, s.project, in.id())
	if err != nil {
		return nil, err
	}
	m := s.marksOf(in.id(), s.spreadOf(in.id()))
	out := &commitList{}
	out.Body.Commits = make([]Commit, len(commits))
	for i, c := range commits {
		out.Body.Commits[i] = m.shown(c)
	}
	return out, nil
}

func (s *Server) getCommit(ctx context.Context, in *CommitPath) (*struct{ Body Commit }, error) {
	c, err := s.Releases.Commit(ctx, s.project, in.id(), in.Commit)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Commit }{s.marksOf(in.id(), s.spreadOf(in.id())).shown(c)}, nil
}

type newCommit struct {
	AppPath
	Body struct {
		Message string            `json:"message,omitempty" maxLength:"2000" example:"Read the second sensor"`
		Parent  string            `json:"parent,omitempty" maxLength:"40" example:"1764000000" doc:"The commit that this one was made on; refused with 409 when there is a newer one."`
		Files   map[string]string `json:"files,omitempty" example:"{\"worker_task.py\": \"import random\"}" doc:"All files; the working copy if left out."`
		Origin  string            `json:"origin,omitempty" enum:"editor,command line" default:"editor" doc:"Where it was made."`
	} `contentType:"application/json" nameHint:"NewCommit"`
}

// MadeCommit is a commit that was just made, and to whom it goes.
type MadeCommit struct {
	Commit Commit `json:"commit"`
	Ships  []Ship `json:"ships" nullable:"false" doc:"Pools whose things are told to run it now."`
}

// Ship is a pool that a commit goes to.
type Ship struct {
	Pool   string `json:"pool" example:"development"`
	Things int    `json:"things" example:"3"`
}

type madeCommitAnswer struct{ Body MadeCommit }

func (s *Server) addCommit(ctx context.Context, in *newCommit) (*madeCommitAnswer, error) {
	c, err := s.Releases.MakeCommit(ctx, s.project, in.id(), release.NewCommit{
		Message: in.Body.Message, Author: callerOf(ctx).actor.Name, Origin: in.Body.Origin,
		Parent: in.Body.Parent, Files: in.Body.Files,
	})
	return s.madeCommit(ctx, "commit.add", c, err)
}

func (s *Server) restoreCommit(ctx context.Context, in *CommitPath) (*madeCommitAnswer, error) {
	c, err := s.Releases.Restore(ctx, s.project, in.id(), in.Commit, callerOf(ctx).actor.Name)
	return s.madeCommit(ctx, "commit.restore", c, err)
}

// madeCommit answers with a commit that was just made, and writes down who made it.
func (s *Server) madeCommit(ctx context.Context, act string, c roost.Commit, err error) (*madeCommitAnswer, error) {
	if err != nil {
		return nil, err
	}
	if err := s.audit(ctx, act, string(c.App), c.ID+" "+c.Message); err != nil {
		return nil, err
	}
	out := MadeCommit{Commit: s.marksOf(c.App, s.spreadOf(c.App)).shown(c), Ships: []Ship{}}
	for _, p := range s.Releases.Pools(s.project, c.App) {
		if p.Commit == c.ID {
			out.Ships = append(out.Ships, Ship{Pool: p.Name, Things: p.Things})
		}
	}
	return &madeCommitAnswer{out}, nil
}

// TagPath is embedded by what is about one tag.
type TagPath struct {
	AppPath
	Tag string `path:"tag" maxLength:"36" example:"v1.0" doc:"The name of the tag."`
}

type tagRequest struct {
	TagPath
	Body struct {
		Commit string `json:"commit" minLength:"1" maxLength:"40" example:"1764000000"`
	} `contentType:"application/json" nameHint:"SetTag"`
}

func (s *Server) setTag(ctx context.Context, in *tagRequest) (*struct{ Body Tag }, error) {
	t, err := s.Releases.SetTag(ctx, s.project, in.id(), in.Tag, in.Body.Commit, callerOf(ctx).actor.Name)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Tag }{shownTag(t)}, s.audit(ctx, "tag.set", in.App, in.Tag+" at "+in.Body.Commit)
}

func (s *Server) deleteTag(ctx context.Context, in *TagPath) (*struct{}, error) {
	if err := s.Releases.DeleteTag(ctx, s.project, in.id(), in.Tag); err != nil {
		return nil, err
	}
	return nil, s.audit(ctx, "tag.delete", in.App, in.Tag)
}
