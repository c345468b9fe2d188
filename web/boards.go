package web

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
)

// Boards knows boards that ask for their files at each boot; the door for them is one.
type Boards interface {
	Board(ref roost.Ref) (roost.Board, bool)
	// Files gives those that a board has or shall have, by name.
	Files(ctx context.Context, ref roost.Ref) ([]roost.BoardFile, error)
	hotfixer
	boardAsker
	// Push takes the directory of a kind of board as it lies there, and gives the newest commit.
	Push(ctx context.Context, kind string) (roost.Commit, error)
	Forget(ctx context.Context, ref roost.Ref) error
}

// hotfixer gives single things files.
type hotfixer interface {
	// Hotfixes gives those of a thing, newest first.
	Hotfixes(ctx context.Context, ref roost.Ref) ([]roost.Hotfix, error)
	AddHotfix(ctx context.Context, ref roost.Ref, files map[string]string, by string) (roost.Hotfix, error)
	UndoHotfix(ctx context.Context, ref roost.Ref, id, by string) (roost.Hotfix, error)
}

// hotfixerOf finds who gives a thing files; roost.NotFound for those that nobody does.
func (s *Server) hotfixerOf(id string) (roost.Ref, hotfixer, error) {
	t, err := s.find(id)
	if err != nil {
		return roost.Ref{}, nil, err
	}
	if t.thing.Protocol == roost.Runtime && s.Agents != nil {
		return t.thing.Ref, s.Agents, nil
	}
	b, err := s.boardOf(id)
	return b.Ref, s.Boards, err
}

func (s *Server) boardRoutes() {
	add(s, endpoint{
		method: "GET", path: "/things/{id}/board", id: "get-board", tag: tagBoards, right: account.View, errors: []int{404},
		summary: "What a board says of itself", detail: "And which files it has, against those that it shall have. 404 for things that do not ask for files at each boot.",
	}, s.getBoard)
	add(s, endpoint{
		method: "GET", path: "/things/{id}/hotfixes", id: "list-hotfixes", tag: tagBoards, right: account.View, errors: []int{404},
		summary: "List the hotfixes of a thing", detail: "Newest first.",
	}, s.listHotfixes)
	add(s, endpoint{
		method: "POST", path: "/things/{id}/hotfixes", id: "add-hotfix", tag: tagBoards, right: account.Operate, status: http.StatusCreated,
		errors: []int{404, 409, 429}, checks: true, forms: true, most: maxSource,
		summary: "Give one thing files over those of its app", detail: "As JSON, or as a form with files, 1 MiB at most. A board gets them with its next heartbeat or boot, a thing of Roost's own runtime as a version of its own, tried like any; it keeps them until the hotfix is taken back or the app itself has newer files of these names.",
	}, s.addHotfix)
	add(s, endpoint{
		method: "POST", path: "/apps/{app}/directory", id: "push-directory", tag: tagBoards, right: account.Operate, errors: []int{404, 409},
		summary: "Take an app's directory now", detail: "As it lies there, without waiting until its files have been quiet for a second: for who knows that all are copied.",
	}, s.pushDirectory)
	add(s, endpoint{
		method: "DELETE", path: "/things/{id}/hotfixes/{hotfix}", id: "undo-hotfix", tag: tagBoards, right: account.Operate, errors: []int{404, 409},
		summary: "Take a hotfix back", detail: "If the thing has it, it gets the app's own files.",
	}, s.undoHotfix)
	s.boardAskRoutes()
}

type pushAnswer struct {
	Body struct {
		Commit string `json:"commit" example:"1764000000" doc:"The app's newest commit, which is what the directory holds."`
		Origin string `json:"origin" example:"directory"`
	} `nameHint:"Push"`
}

func (s *Server) pushDirectory(ctx context.Context, in *AppPath) (*pushAnswer, error) {
	a, err := s.Releases.App(s.project, in.id())
	if err != nil {
		return nil, err
	}
	if a.Board == "" || s.Boards == nil {
		return nil, roost.Errorf(roost.Conflict, "%s has no directory: it is not for a kind of board.", a.Name)
	}
	c, err := s.Boards.Push(ctx, a.Board)
	if err != nil {
		return nil, err
	}
	out := &pushAnswer{}
	out.Body.Commit, out.Body.Origin = c.ID, c.Origin
	return out, s.audit(ctx, "app.directory", string(a.ID), a.Board+" "+c.ID)
}

// Board is what a board says of itself.
type Board struct {
	MAC        string      `json:"mac" example:"28cdc1010203"`
	AppType    string      `json:"appType" example:"distance-meter" doc:"The kind of board that it is, and the directory of its files."`
	DeviceType string      `json:"deviceType" example:"pico_w"`
	Firmware   string      `json:"firmware" example:"1.2.0" doc:"The version of its app."`
	Version    string      `json:"version"`
	IP         string      `json:"ip" example:"10.0.0.7" doc:"Its address in its own network."`
	Meta       anyJSON     `json:"meta" doc:"What its app says of itself: an object, or null."`
	Heartbeat  int64       `json:"heartbeat" example:"300000" doc:"Milliseconds between its heartbeats, if it chose that itself; 0: as it is told."`
	Booted     int64       `json:"booted" example:"1764000000000" doc:"When it last asked for its files; 0: never."`
	Files      []BoardFile `json:"files" nullable:"false" doc:"By name: those that it told of at its last boot, and those that it shall have."`
}

// BoardFile is a file that a board has, or shall have.
type BoardFile struct {
	Name   string `json:"name" example:"app.py"`
	State  string `json:"state" enum:"same,differs,missing,extra,unknown" doc:"extra: it is not of the app. unknown: boards tell of Python files only."`
	Size   int    `json:"size" doc:"Of what it shall be; 0 for an extra one."`
	Hotfix string `json:"hotfix" doc:"The hotfix that it is of; empty: the app's own."`
}

type boardAnswer struct{ Body Board }

func (s *Server) getBoard(ctx context.Context, in *ThingPath) (*boardAnswer, error) {
	b, err := s.boardOf(in.ID)
	if err != nil {
		return nil, err
	}
	files, err := s.Boards.Files(ctx, b.Ref)
	if err != nil {
		return nil, err
	}
	out := &boardAnswer{Board{
		MAC: b.MAC, AppType: b.AppType, DeviceType: b.DeviceType, Firmware: b.Firmware, Version: b.Version, IP: b.IP,
		Meta: anyJSON(b.Meta), Heartbeat: b.Interval.Milliseconds(), Booted: ms(b.Booted), Files: []BoardFile{},
	}}
	for _, f := range files {
		out.Body.Files = append(out.Body.Files, shownBoardFile(f, len(b.Files) > 0))
	}
	return out, nil
}

func shownBoardFile(f roost.BoardFile, told bool) BoardFile {
	out := BoardFile{Name: f.Name, Size: f.Size, Hotfix: f.Hotfix}
	switch {
	case f.Wanted == "":
		out.State = "extra"
	case f.There == f.Wanted:
		out.State = "same"
	case f.There != "":
		out.State = "differs"
	case told && !strings.HasSuffix(f.Name, ".py"):
		out.State = "unknown"
	default:
		out.State = "missing"
	}
	return out
}

// boardOf finds a board; roost.NotFound for other things.
func (s *Server) boardOf(id string) (roost.Board, error) {
	t, err := s.find(id)
	if err != nil {
		return roost.Board{}, err
	}
	if s.Boards != nil {
		if b, ok := s.Boards.Board(t.thing.Ref); ok {
			return b, nil
		}
	}
	if t.thing.Protocol == roost.BoardPlatform && t.thing.Enrolment == roost.Enrolled {
		return roost.Board{}, roost.Errorf(roost.NotFound, "%s has not asked for its files since it was approved. It does by itself within half a minute if it is on; else switch it on, or restart it, and try again then.", shownName(&t.thing, t.resources))
	}
	return roost.Board{}, roost.Errorf(roost.NotFound, "%s is no board that asks for its files.", shownName(&t.thing, t.resources))
}

// Hotfix is files for one board, over those of its app.
type Hotfix struct {
	ID       string   `json:"id" example:"9f3k1m2n4p5q6r7s"`
	Files    []string `json:"files" nullable:"false" doc:"Their names."`
	State    string   `json:"state" enum:"waiting,served,undone,overtaken" doc:"overtaken: the app has newer files of these names, or a later hotfix has."`
	By       string   `json:"by" example:"ada" doc:"directory: the files were put into the board's directory."`
	UndoneBy string   `json:"undoneBy"`
	At       int64    `json:"at" example:"1764000000000"`
	ServedAt int64    `json:"servedAt" doc:"0: not yet."`
	EndedAt  int64    `json:"endedAt" doc:"0: its files are wanted."`
}

func shownHotfix(h roost.Hotfix) Hotfix {
	out := Hotfix{
		ID: h.ID, Files: []string{}, State: string(h.State), By: h.By, UndoneBy: h.Undoer, At: ms(h.At), ServedAt: ms(h.Served), EndedAt: ms(h.Ended),
	}
	for _, f := range h.Files {
		out.Files = append(out.Files, f.Name)
	}
	return out
}

type hotfixList struct {
	Body struct {
		Hotfixes []Hotfix `json:"hotfixes" nullable:"false"`
	} `nameHint:"Hotfixes"`
}

func (s *Server) listHotfixes(ctx context.Context, in *ThingPath) (*hotfixList, error) {
	ref, fixes, err := s.hotfixerOf(in.ID)
	if err != nil {
		return nil, err
	}
	all, err := fixes.Hotfixes(ctx, ref)
	if err != nil {
		return nil, err
	}
	out := &hotfixList{}
	out.Body.Hotfixes = []Hotfix{}
	for _, h := range all {
		out.Body.Hotfixes = append(out.Body.Hotfixes, shownHotfix(h))
	}
	return out, nil
}

type newHotfix struct {
	ThingPath
	Body struct {
		Files map[string]string `json:"files" doc:"Their texts by name."`
	} `contentType:"application/json" nameHint:"NewHotfix"`
}

type hotfixAnswer struct{ Body Hotfix }

func (s *Server) addHotfix(ctx context.Context, in *newHotfix) (*hotfixAnswer, error) {
	ref, fixes, err := s.hotfixerOf(in.ID)
	if err != nil {
		return nil, err
	}
	h, err := fixes.AddHotfix(ctx, ref, in.Body.Files, callerOf(ctx).actor.Name)
	if err != nil {
		return nil, err
	}
	return &hotfixAnswer{shownHotfix(h)}, s.audit(ctx, "hotfix.add", in.ID, strings.Join(slices.Sorted(maps.Keys(in.Body.Files)), " "))
}

type hotfixPath struct {
	ThingPath
	Hotfix string `path:"hotfix" maxLength:"64" example:"9f3k1m2n4p5q6r7s" doc:"The id of the hotfix."`
}

func (s *Server) undoHotfix(ctx context.Context, in *hotfixPath) (*hotfixAnswer, error) {
	ref, fixes, err := s.hotfixerOf(in.ID)
	if err != nil {
		return nil, err
	}
	h, err := fixes.UndoHotfix(ctx, ref, in.Hotfix, callerOf(ctx).actor.Name)
	if err != nil {
		return nil, err
	}
	return &hotfixAnswer{shownHotfix(h)}, s.audit(ctx, "hotfix.undo", in.ID, in.Hotfix)
}
