package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
)

// Agents knows things of Roost's own runtime; their door is one.
type Agents interface {
	// Agent gives how a thing stands; false for things that do not run the runtime.
	Agent(ctx context.Context, ref roost.Ref) (roost.AgentState, bool, error)
	Forget(ctx context.Context, ref roost.Ref) error
	hotfixer
	runtimeShelf
	// Choose makes the key that people know by mark that of a thing that waits; "": the only one.
	// roost.Conflict when there are several, roost.NotFound when there is none such.
	Choose(ctx context.Context, ref roost.Ref, mark string) error
	// Boots gives the last starts of a thing, the latest first; false as with Agent.
	Boots(ctx context.Context, ref roost.Ref) ([]roost.Boot, bool, error)
	Crashes(ctx context.Context, p roost.ProjectID, app roost.AppID, thing roost.ThingID, unseen bool, max int) ([]roost.CrashGroup, error)
	SeeCrash(ctx context.Context, p roost.ProjectID, id string) error
	DeleteCrash(ctx context.Context, p roost.ProjectID, id string) error
	// Statement gives the text of the release of a commit and who has signed it.
	Statement(ctx context.Context, p roost.ProjectID, app roost.AppID, commit string, down bool) (string, []roost.Signature, error)
	Sign(ctx context.Context, p roost.ProjectID, app roost.AppID, commit string, down bool, public, sig, by string) (roost.Signature, error)
	Rollouts(p roost.ProjectID, app roost.AppID) []roost.Rollout
	Resume(ctx context.Context, p roost.ProjectID, app roost.AppID, pool, kind, version string) error
}

func (s *Server) runtimeRoutes() {
	add(s, endpoint{
		method: "GET", path: "/things/{id}/runtime", id: "get-runtime", tag: tagBoards, right: account.View, errors: []int{404},
		summary: "What a thing of Roost's own runtime says of itself", detail: "Its slots, its files, the update under way, and what broke on it. 404 for things that do not run it.",
	}, s.getRuntime)
	add(s, endpoint{
		method: "GET", path: "/things/{id}/boots", id: "list-boots", tag: tagBoards, right: account.View, errors: []int{404},
		summary: "List the last starts of a thing of Roost's own runtime", detail: "When and why, and what ran; the latest first, 50 at most. 404 for things that do not run it.",
	}, s.listBoots)
	add(s, endpoint{
		method: "GET", path: "/crashes", id: "list-crashes", tag: tagBoards, right: account.View,
		summary: "List what broke on things", detail: "The same fault of the same version is one group. The latest first, 200 at most.",
	}, s.listCrashes)
	add(s, endpoint{
		method: "POST", path: "/crashes/{crash}/seen", id: "see-crash", tag: tagBoards, right: account.Operate, status: http.StatusNoContent, errors: []int{404},
		summary: "Mark a group of crashes seen", detail: "It is unseen again when it happens again.",
	}, s.seeCrash)
	add(s, endpoint{
		method: "DELETE", path: "/crashes/{crash}", id: "delete-crash", tag: tagBoards, right: account.Operate, status: http.StatusNoContent, errors: []int{404},
		summary: "Forget a group of crashes",
	}, s.deleteCrash)
}

// Slot says what of the runtime or of the app runs on a thing, and what ran before.
type Slot struct {
	Version         string   `json:"version" example:"1764000000" doc:"0: none."`
	Slot            string   `json:"slot" example:"_p" doc:"_a or _b of the runtime, _p or _q of the app, factory, or nothing."`
	Trial           int      `json:"trial" doc:"Boots of the trial that is under way, this one too; 0: none is."`
	Previous        string   `json:"previous" example:"_q" doc:"The slot that it returns to."`
	PreviousVersion string   `json:"previousVersion" example:"1763990000"`
	Bad             []string `json:"bad" nullable:"false" doc:"Versions that failed here and are not taken again."`
	Newest          string   `json:"newest" example:"1.0.0" doc:"The newest runtime that this server has; empty for an app."`
	Wanted          string   `json:"wanted" example:"1764000000" doc:"What it shall run; empty: it keeps what it has."`
}

// RuntimeAppFile is a file of the app on a thing.
type RuntimeAppFile struct {
	Name   string `json:"name" example:"app.mpy"`
	Size   int64  `json:"size" example:"812" doc:"Of what it shall be."`
	SHA256 string `json:"sha256" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" doc:"Of what it shall be; empty for one of its own."`
	There  string `json:"there" example:"9f86d081884c7d65" doc:"The first digits of what it is; empty: it is not there."`
	State  string `json:"state" enum:"right,differs,missing,its own"`
}

// Update is where an update of a thing stands.
type Update struct {
	Kind    string `json:"kind" enum:"os,app"`
	Version string `json:"version" example:"1764000000"`
	State   string `json:"state" enum:"offered,fetching,installed,trial,confirmed,refused,returned,held" doc:"held: why says why it does not get it, or what the thing waits for."`
	Done    int64  `json:"done" doc:"Bytes."`
	Of      int64  `json:"of"`
	Why     string `json:"why"`
	At      int64  `json:"at" example:"1764000000000" doc:"When its state last changed."`
}

// RuntimeState is what a thing of Roost's own runtime says of itself.
type RuntimeState struct {
	Platform   string           `json:"platform" example:"esp32"`
	Machine    string           `json:"machine" example:"ESP32 module with ESP32"`
	Python     string           `json:"python" example:"micropython 1.27.0"`
	MPY        int              `json:"mpy" example:"6" doc:"The version of bytecode that it takes; 0: source only."`
	Profile    string           `json:"profile" example:"full" doc:"lean, full or python; empty: it has not come yet."`
	Booted     int64            `json:"booted" example:"1764000000000" doc:"0: not seen."`
	ResetCause string           `json:"resetCause" example:"power on"`
	Why        string           `json:"why" doc:"Its own word on a planned restart."`
	IP         string           `json:"ip" example:"10.0.0.7" doc:"In its own network."`
	RSSI       int              `json:"rssi" example:"-60" doc:"dBm; 0: not told."`
	FreeMemory int64            `json:"freeMemory" example:"98000"`
	FreeFlash  int64            `json:"freeFlash" example:"812000"`
	Owner      string           `json:"owner" doc:"The first digits of its owner's release key; empty: it takes what this server gives it."`
	Net        maybe[Net]       `json:"net"`
	Key        string           `json:"key" example:"1a2b3-c4d5e" doc:"What its key is known by, as its own console tells it when it has joined."`
	Joins      []JoinedKey      `json:"joins" nullable:"false" doc:"While it waits: the keys that were asked for in its name, the first at the head. With more than one, approval has to name the one."`
	Meta       anyJSON          `json:"meta" doc:"What its app says of itself: an object, or null."`
	Runtime    Slot             `json:"runtime"`
	App        Slot             `json:"app"`
	Files      []RuntimeAppFile `json:"files" nullable:"false" doc:"Those of its app, by name."`
	Update     maybe[Update]    `json:"update"`
	Crashes    []CrashGroup     `json:"crashes" nullable:"false" doc:"The last 10 groups."`
}

type runtimeState struct{ Body RuntimeState }

func (s *Server) getRuntime(ctx context.Context, in *ThingPath) (*runtimeState, error) {
	t, err := s.find(in.ID)
	if err != nil {
		return nil, err
	}
	a, ok, err := s.agentOf(ctx, t.thing.Ref)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, roost.Errorf(roost.NotFound, "%s does not run Roost's own runtime.", shownName(&t.thing, t.resources))
	}
	groups, err := s.Agents.Crashes(ctx, s.project, "", t.thing.Thing, false, 10)
	if err != nil {
		return nil, err
	}
	out := shownRuntime(a)
	for _, g := range groups {
		out.Crashes = append(out.Crashes, s.shownCrash(g))
	}
	return &runtimeState{out}, nil
}

func (s *Server) agentOf(ctx context.Context, ref roost.Ref) (a roost.AgentState, ok bool, err error) {
	if s.Agents == nil {
		return a, false, nil
	}
	return s.Agents.Agent(ctx, ref)
}

func shownRuntime(a roost.AgentState) RuntimeState {
	out := RuntimeState{
		Platform: a.Platform, Machine: a.Machine, Python: a.Python, MPY: a.MPY, Profile: a.Profile, Booted: ms(a.Booted),
		ResetCause: a.Reset, Why: a.Why, IP: a.IP, RSSI: a.RSSI, FreeMemory: a.Memory, FreeFlash: a.Flash, Owner: a.Owner,
		Net: shownNet(a.Agent), Key: a.Print, Joins: shownJoins(a.Joins),
		Meta: anyJSON(a.Meta), Runtime: shownSlot(a.OS), App: shownSlot(a.Agent.App), Files: []RuntimeAppFile{}, Crashes: []CrashGroup{},
	}
	if a.OS.Factory {
		out.Runtime.Slot = "factory"
	}
	out.Runtime.Newest, out.Runtime.Wanted, out.App.Wanted = a.NewestOS, a.WantedOS, a.WantedApp
	for _, f := range a.AppFiles {
		out.Files = append(out.Files, shownAppFile(f))
	}
	if o := a.Offer; o != nil {
		out.Update = maybe[Update]{&Update{Kind: o.Kind, Version: o.Version, State: string(o.State), Done: o.Done, Of: o.Of, Why: o.Why, At: ms(o.At)}}
	}
	return out
}

func shownSlot(s roost.Slots) Slot {
	out := Slot{
		Version: s.Version, Slot: s.Slot, Trial: s.Trial, Previous: s.Previous, PreviousVersion: s.PreviousVersion, Bad: s.Bad,
	}
	if out.Bad == nil {
		out.Bad = []string{}
	}
	return out
}

func shownAppFile(f roost.AgentFile) RuntimeAppFile {
	out := RuntimeAppFile{Name: f.Name, Size: f.Size, SHA256: f.SHA256, There: f.There}
	switch {
	case f.SHA256 == "":
		out.State = "its own"
	case f.There == "":
		out.State = "missing"
	case strings.HasPrefix(f.SHA256, f.There):
		out.State = "right"
	default:
		out.State = "differs"
	}
	return out
}
