package web

import (
	"context"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// File is a file of an app, in the working copy or in a commit.
type File struct {
	Name    string `json:"name" example:"worker_task.py"`
	Size    int    `json:"size" example:"420" doc:"Bytes."`
	Content string `json:"content"`
	State   string `json:"state" enum:"same,new,changed,deleted" doc:"Against the newest commit."`
	By      string `json:"by" example:"ada" doc:"Who saved it last."`
	At      int64  `json:"at" example:"1764000000000"`
}

// Problem is what is wrong in a file.
type Problem struct {
	File     string `json:"file" example:"worker_task.py"`
	Line     int    `json:"line" example:"3" doc:"From 1; 0: not known."`
	Column   int    `json:"column" example:"5" doc:"From 1; 0: not known."`
	Text     string `json:"text" example:"SyntaxError: invalid syntax"`
	Severity string `json:"severity" enum:"error,warning" doc:"An error keeps a commit back."`
}

func shownFile(f release.WorkingFile) File {
	return File{Name: f.Name, Size: len(f.Content), Content: f.Content, State: f.State, By: f.By, At: ms(f.At)}
}

func shownProblems(all []release.Problem) []Problem {
	out := make([]Problem, len(all))
	for i, p := range all {
		out[i] = Problem{File: p.File, Line: p.Line, Column: p.Column, Text: p.Text, Severity: p.Severity}
	}
	return out
}

type filesQuery struct {
	AppPath
	Commit string `query:"commit" maxLength:"40" example:"1764000000" doc:"The id of a commit; the working copy if left out."`
}

// Files is the working copy of an app, or a commit with the text of its files.
type Files struct {
	Commit   string    `json:"commit" doc:"Empty: the working copy."`
	Base     string    `json:"base" example:"1764000000" doc:"The newest commit."`
	Files    []File    `json:"files" nullable:"false"`
	Problems []Problem `json:"problems" nullable:"false" doc:"Of the working copy."`
}

type filesAnswer struct{ Body Files }

func (s *Server) listFiles(ctx context.Context, in *filesQuery) (*filesAnswer, error) {
	newest, err := s.Releases.Commit(ctx, s.project, in.id(), "")
	if err != nil {
		return nil, err
	}
	out := Files{Commit: in.Commit, Base: newest.ID, Files: []File{}, Problems: []Problem{}}
	if in.Commit != "" {
		out.Files, err = s.committed(ctx, in.id(), in.Commit)
		return &filesAnswer{out}, err
	}
	out.Files, out.Problems, err = s.working(ctx, in.id())
	return &filesAnswer{out}, err
}

// committed gives the files of a commit with their text.
func (s *Server) committed(ctx context.Context, app roost.AppID, id string) ([]File, error) {
	c, err := s.Releases.Commit(ctx, s.project, app, id)
	if err != nil {
		return nil, err
	}
	files := make([]File, len(c.Files))
	for i, f := range c.Files {
		text, err := s.Releases.Content(ctx, s.project, app, c.ID, f.Name)
		if err != nil {
			return nil, err
		}
		files[i] = File{Name: f.Name, Size: f.Size, Content: text, State: release.Same, By: c.Author, At: ms(c.At)}
	}
	return files, nil
}

// working gives the files of the working copy, and what is wrong in them.
func (s *Server) working(ctx context.Context, app roost.AppID) ([]File, []Problem, error) {
	all, err := s.Releases.Working(ctx, s.project, app)
	if err != nil {
		return nil, nil, err
	}
	files, texts := make([]File, len(all)), map[string]string{}
	for i, f := range all {
		files[i] = shownFile(f)
		if f.State != release.Deleted {
			texts[f.Name] = f.Content
		}
	}
	problems, err := s.Releases.Check(ctx, s.project, app, texts)
	return files, shownProblems(problems), err
}

// FilePath is embedded by what is about one file of the working copy.
type FilePath struct {
	AppPath
	Name string `path:"name" maxLength:"100" example:"worker_task.py" doc:"The name of the file."`
}

type fileSave struct {
	FilePath
	Body struct {
		Content string `json:"content" maxLength:"300000" example:"import random\n"`
	} `contentType:"application/json" nameHint:"FileSave"`
}

// SavedFile is a file as it was saved, and what is wrong in the working copy now.
type SavedFile struct {
	File     File      `json:"file"`
	Problems []Problem `json:"problems" nullable:"false"`
}

type savedFileAnswer struct{ Body SavedFile }

// saveFile leaves no line in the audit log: the file itself says who saved it and
// when, and its commit is written down.
func (s *Server) saveFile(ctx context.Context, in *fileSave) (*savedFileAnswer, error) {
	if err := s.Releases.SaveDraft(ctx, s.project, in.id(), in.Name, in.Body.Content, callerOf(ctx).actor.Name); err != nil {
		return nil, err
	}
	return s.savedFile(ctx, in.id(), in.Name)
}

func (s *Server) savedFile(ctx context.Context, app roost.AppID, name string) (*savedFileAnswer, error) {
	files, problems, err := s.working(ctx, app)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if f.Name == name {
			return &savedFileAnswer{SavedFile{File: f, Problems: problems}}, nil
		}
	}
	return nil, roost.Errorf(roost.NotFound, "There is no file %q any more.", name)
}

func (s *Server) deleteFile(ctx context.Context, in *FilePath) (*struct{}, error) {
	if err := s.Releases.DeleteFile(ctx, s.project, in.id(), in.Name, callerOf(ctx).actor.Name); err != nil {
		return nil, err
	}
	return nil, s.audit(ctx, "app.file.delete", in.App, in.Name)
}

type fileRename struct {
	FilePath
	Body struct {
		To string `json:"to" minLength:"1" maxLength:"100" example:"helper.py"`
	} `contentType:"application/json" nameHint:"FileRename"`
}

func (s *Server) renameFile(ctx context.Context, in *fileRename) (*savedFileAnswer, error) {
	if err := s.Releases.RenameFile(ctx, s.project, in.id(), in.Name, in.Body.To, callerOf(ctx).actor.Name); err != nil {
		return nil, err
	}
	if err := s.audit(ctx, "app.file.rename", in.App, in.Name+" to "+in.Body.To); err != nil {
		return nil, err
	}
	return s.savedFile(ctx, in.id(), in.Body.To)
}

type discarding struct {
	AppPath
	Body struct {
		Name string `json:"name,omitempty" maxLength:"100" example:"worker_task.py" doc:"Of the file; all if left out."`
	} `contentType:"application/json" nameHint:"Discard"`
}

func (s *Server) discard(ctx context.Context, in *discarding) (*filesAnswer, error) {
	if err := s.Releases.Discard(ctx, s.project, in.id(), in.Body.Name); err != nil {
		return nil, err
	}
	if err := s.audit(ctx, "app.discard", in.App, in.Body.Name); err != nil {
		return nil, err
	}
	return s.listFiles(ctx, &filesQuery{AppPath: in.AppPath})
}

type checking struct {
	AppPath
	Body struct {
		Files map[string]string `json:"files" example:"{\"worker_task.py\": \"import random\"}" doc:"Texts by the names of their files."`
	} `contentType:"application/json" nameHint:"Check"`
}

type problemList struct {
	Body struct {
		Problems []Problem `json:"problems" nullable:"false"`
	} `nameHint:"Problems"`
}

func (s *Server) checkFiles(ctx context.Context, in *checking) (*problemList, error) {
	problems, err := s.Releases.Check(ctx, s.project, in.id(), in.Body.Files)
	out := &problemList{}
	out.Body.Problems = shownProblems(problems)
	return out, err
}
