package web

import (
	"context"

	"github.com/roost-iot/roost"
)

// Software is what runs on a thing and what shall run there.
type Software struct {
	App       maybe[SoftwareApp] `json:"app" doc:"Null: it has none."`
	Pool      string             `json:"pool" example:"development"`
	BoundBy   string             `json:"boundBy" enum:"app,account" doc:"What the thing came with: the id of an app, which it keeps, or an account id, so that people choose."`
	Wanted    Settings           `json:"wanted" doc:"What it is told to be: the settings of its pool, with its own over them."`
	Commit    string             `json:"commit" example:"1764000000" doc:"The commit that it shall run."`
	Own       SettingsChange     `json:"own" doc:"Settings that this thing alone has."`
	OS        string             `json:"os" example:"v1.1.0" doc:"That runs."`
	Version   string             `json:"version" example:"1764000000" doc:"The commit that runs; 0: none."`
	Tag       string             `json:"tag" example:"v1.0" doc:"A tag of that commit, if it has one."`
	Platform  string             `json:"platform" example:"esp8266"`
	Frozen    bool               `json:"frozen" doc:"Its OS is part of the firmware and is not updated."`
	Encrypted bool               `json:"encrypted" doc:"It encrypts what it sends in PythingsOS' own way."`
	UpToDate  bool               `json:"upToDate" doc:"It runs what it shall."`
	Statuses  []Status           `json:"statuses" nullable:"false" doc:"What its parts last said of themselves."`
	Session   maybe[Run]         `json:"session" doc:"Its last run; null: none is known."`
}

// SoftwareApp names the app of a thing.
type SoftwareApp struct {
	ID     string `json:"id" example:"5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10"`
	Name   string `json:"name" example:"Greenhouse"`
	Hidden bool   `json:"hidden" doc:"The app of things that have none yet."`
}

// Status is what a part of a thing last said of itself.
type Status struct {
	Part    string `json:"part" enum:"pythings,worker,management"`
	Known   bool   `json:"known" doc:"It has said something."`
	OK      bool   `json:"ok"`
	Text    string `json:"text"`
	At      int64  `json:"at" example:"1764000000000" doc:"Since when."`
	Error   string `json:"error" doc:"The last fault, which stays when the part says OK again."`
	ErrorAt int64  `json:"errorAt"`
}

// Run is one run of a thing, from its registration on.
type Run struct {
	ID          string   `json:"id" example:"9f3k1m2n4p5q6r7s"`
	Started     int64    `json:"started" example:"1764000000000"`
	LastContact int64    `json:"lastContact" example:"1764000000000"`
	Ended       int64    `json:"ended" doc:"When the next one began; 0: this is the last."`
	OS          string   `json:"os" example:"v1.1.0"`
	Version     string   `json:"version" example:"1764000000"`
	Platform    string   `json:"platform" example:"esp8266"`
	Frozen      bool     `json:"frozen"`
	Encrypted   bool     `json:"encrypted"`
	Pool        string   `json:"pool" example:"development"`
	App         string   `json:"app" example:"5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10"`
	Address     string   `json:"address" example:"192.0.2.7:50122"`
	Statuses    []Status `json:"statuses" nullable:"false"`
}

// parts are the parts of PythingsOS in the order in which they are shown.
var parts = []roost.Part{roost.PartOS, roost.PartWorker, roost.PartManagement}

func shownStatuses(all map[roost.Part]roost.Status) []Status {
	out := make([]Status, len(parts))
	for i, part := range parts {
		st := all[part]
		out[i] = Status{
			Part: string(part), Known: st.Known, OK: st.OK, Text: st.Text, At: ms(st.At), Error: st.Error, ErrorAt: ms(st.ErrorAt),
		}
	}
	return out
}

func shownRun(r roost.Run) Run {
	return Run{
		ID: r.ID, Started: ms(r.Started), LastContact: ms(r.LastContact), Ended: ms(r.Ended), OS: r.OS, Version: r.Version,
		Platform: r.Platform, Frozen: r.Frozen, Encrypted: r.Encrypted, Pool: r.Pool, App: string(r.App), Address: r.Address,
		Statuses: shownStatuses(r.Statuses),
	}
}

type softwareAnswer struct{ Body Software }

func (s *Server) getSoftware(_ context.Context, in *ThingPath) (*softwareAnswer, error) {
	t, err := s.find(in.ID)
	if err != nil {
		return nil, err
	}
	sw, ok := s.Releases.Software(t.thing.Ref)
	if !ok {
		return nil, roost.Errorf(roost.NotFound, "%s runs no app of Roost.", shownName(&t.thing, t.resources))
	}
	return &softwareAnswer{s.shownSoftware(sw)}, nil
}

func (s *Server) shownSoftware(sw roost.Software) Software {
	out := Software{
		Pool: sw.Pool, BoundBy: "app", Own: SettingsChange(sw.Own), OS: sw.OS, Version: sw.Version, Tag: s.tagOf(sw),
		Platform: sw.Platform, Frozen: sw.Frozen, Encrypted: sw.Encrypted, Statuses: shownStatuses(nil),
	}
	if sw.ByAccount {
		out.BoundBy = "account"
	}
	if w, ok := s.Releases.Wanted(sw.Ref); ok {
		out.App.of = &SoftwareApp{ID: string(w.App.ID), Name: w.App.Name, Hidden: w.App.Hidden}
		out.Wanted, out.Commit, out.Pool = Settings(w.Settings), w.Commit, w.Pool
		out.UpToDate = sw.Version == w.Commit && (sw.Frozen || w.Settings.OS == roost.Factory || sw.OS == w.Settings.OS)
	}
	if run, ok := s.Releases.CurrentRun(sw.Ref); ok {
		session := shownRun(run)
		out.Statuses, out.Session.of = session.Statuses, &session
	}
	return out
}

// tagOf gives a tag of the commit that runs, "" if it has none.
func (s *Server) tagOf(sw roost.Software) string {
	for _, t := range s.Releases.Tags(sw.Project, sw.App) {
		if t.Commit == sw.Version {
			return t.Name
		}
	}
	return ""
}
