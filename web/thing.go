package web

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/roost-iot/roost"
)

// Thing is one device as the API shows it. It is here for the document; thingBody
// writes it.
type Thing struct {
	ID         string            `json:"id" example:"greenhouse-north" doc:"Its id, safe in an address."`
	Name       string            `json:"name" example:"Greenhouse north" doc:"What to show: the given name, else what it calls itself, else its id."`
	GivenName  string            `json:"given_name" example:"Greenhouse north" doc:"The name that a person gave it; empty if none."`
	Protocol   string            `json:"protocol" example:"CoAP" doc:"The protocol it speaks."`
	State      string            `json:"state" enum:"waiting,enrolled,ignored" doc:"Whether it belongs here."`
	Online     bool              `json:"online"`
	Since      int64             `json:"since" example:"1764000000000" doc:"When online last changed."`
	FirstHeard int64             `json:"first_heard" example:"1764000000000"`
	LastHeard  int64             `json:"last_heard" example:"1764000000000"`
	Address    string            `json:"address" example:"192.0.2.7:5683" doc:"Where it was last heard from."`
	Door       string            `json:"door" example:"coap" doc:"The door it came in by."`
	Gateway    string            `json:"gateway" doc:"The far gateway that vouches for it; empty if it came by itself."`
	Tags       []string          `json:"tags" nullable:"false" example:"[\"greenhouse\"]"`
	Widgets    map[string]string `json:"widgets" nullable:"false" example:"{\"temperature\": \"gauge\"}" doc:"How people want its resources shown; what is not named is up to the page."`
	Credential string            `json:"credential,omitempty" doc:"The id of the credential that binds it; left out if none does."`
	App        maybe[ThingApp]   `json:"app" doc:"What runs on it; null: no app of this server."`
	Resources  []Resource        `json:"resources,omitempty" nullable:"false" doc:"What it last said; none while it waits. Left out in the live stream."`
}

// ThingApp is the app of a thing.
type ThingApp struct {
	ID      string `json:"id" example:"5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10"`
	Name    string `json:"name" example:"Greenhouse"`
	Pool    string `json:"pool" example:"development"`
	Version string `json:"version" example:"1764000000" doc:"The commit that runs; 0: none."`
}

// Resource is what a thing last said under one name.
type Resource struct {
	Name     string  `json:"name" example:"temperature"`
	Value    anyJSON `json:"value" doc:"As the thing said it: any JSON."`
	At       int64   `json:"at" example:"1764000000000"`
	Kind     string  `json:"kind" enum:"number,boolean,text,json" doc:"How to show it."`
	Number   float64 `json:"number,omitempty" example:"24.1" doc:"The value as a number, if it is one; true is 1."`
	Unit     string  `json:"unit,omitempty" example:"°C"`
	Writable bool    `json:"writable" doc:"The thing is known to take a set of it."`
}

// Things is a list of things, and how many there are of all.
type Things struct {
	Things  []Thing `json:"things" nullable:"false"`
	Total   int     `json:"total" example:"42" doc:"Enrolled things."`
	Online  int     `json:"online" example:"39" doc:"Enrolled things that are online."`
	Waiting int     `json:"waiting" example:"2" doc:"Things that wait for approval."`
}

// Resources is what one thing last said.
type Resources struct {
	Resources []Resource `json:"resources" nullable:"false"`
}

// thingBody writes a Thing.
type thingBody struct {
	thing      roost.Thing
	resources  []roost.Resource
	credential string
	app        ThingApp // without an id: none
}

func (t thingBody) appendJSON(b []byte) []byte {
	return appendThing(b, &t.thing, shownName(&t.thing, t.resources), t.resources, t.credential, &t.app, true)
}

// resourcesBody writes Resources.
type resourcesBody struct{ resources []roost.Resource }

func (r resourcesBody) appendJSON(b []byte) []byte {
	b = append(b, `{"resources":`...)
	return append(appendResources(b, r.resources), '}')
}

// thingsBody writes Things. The things are appended as they are met: a list of
// thousands is never held but as text.
type thingsBody struct {
	text                   []byte // of the list, from its bracket on
	total, online, waiting int
}

func newThingsBody(size int) thingsBody {
	return thingsBody{text: append(make([]byte, 0, size+256), `{"things":[`...)}
}

func (l *thingsBody) add(t *roost.Thing, rs []roost.Resource, credential string, app *ThingApp) {
	if l.text[len(l.text)-1] == '}' {
		l.text = append(l.text, ',')
	}
	l.text = appendThing(l.text, t, shownName(t, rs), rs, credential, app, true)
}

func (l *thingsBody) count(t *roost.Thing) {
	switch t.Enrolment {
	case roost.Waiting:
		l.waiting++
	case roost.Enrolled:
		l.total++
		if t.Online {
			l.online++
		}
	}
}

func (l thingsBody) appendJSON([]byte) []byte {
	b := append(l.text, `],"total":`...)
	b = strconv.AppendInt(b, int64(l.total), 10)
	b = append(b, `,"online":`...)
	b = strconv.AppendInt(b, int64(l.online), 10)
	b = append(b, `,"waiting":`...)
	b = strconv.AppendInt(b, int64(l.waiting), 10)
	return append(b, '}')
}

// shownName is what a person sees: the given name, else the thing's own, else its id.
func shownName(t *roost.Thing, rs []roost.Resource) string {
	if t.GivenName != "" {
		return t.GivenName
	}
	for i := range rs {
		if rs[i].Name == "name" {
			if own := strings.TrimSpace(rs[i].Value.AsText()); own != "" && rs[i].Value.IsText() {
				return own
			}
		}
	}
	return string(t.Ref.Thing)
}

// appendThing appends a Thing; whole: with its resources.
func appendThing(b []byte, t *roost.Thing, name string, rs []roost.Resource, credential string, app *ThingApp, whole bool) []byte {
	b = append(b, `{"id":`...)
	b = appendText(b, t.Ref.Thing)
	b = append(b, `,"name":`...)
	b = appendText(b, name)
	b = append(b, `,"given_name":`...)
	b = appendText(b, t.GivenName)
	b = append(b, `,"protocol":`...)
	b = appendText(b, t.Protocol)
	b = append(b, `,"state":`...)
	b = appendText(b, t.Enrolment)
	b = append(b, `,"online":`...)
	b = strconv.AppendBool(b, t.Online)
	b = append(b, `,"since":`...)
	b = appendMS(b, t.OnlineSince)
	b = append(b, `,"first_heard":`...)
	b = appendMS(b, t.FirstHeard)
	b = append(b, `,"last_heard":`...)
	b = appendMS(b, t.LastHeard)
	b = append(b, `,"address":`...)
	b = appendText(b, t.Address)
	b = append(b, `,"door":`...)
	b = appendText(b, t.Identity.Door)
	b = append(b, `,"gateway":`...)
	b = appendText(b, t.Gateway)
	b = append(b, `,"tags":[`...)
	for i, tag := range t.Tags {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, tag)
	}
	b = append(b, `],"widgets":`...)
	b = appendWidgets(b, t.Widgets)
	if credential != "" {
		b = append(b, `,"credential":`...)
		b = appendText(b, credential)
	}
	b = appendApp(b, app)
	if whole {
		b = append(b, `,"resources":`...)
		b = appendResources(b, rs)
	}
	return append(b, '}')
}

// appendApp appends the app of a thing, null if it has none.
func appendApp(b []byte, a *ThingApp) []byte {
	if a.ID == "" {
		return append(b, `,"app":null`...)
	}
	b = append(b, `,"app":{"id":`...)
	b = appendText(b, a.ID)
	b = append(b, `,"name":`...)
	b = appendText(b, a.Name)
	b = append(b, `,"pool":`...)
	b = appendText(b, a.Pool)
	b = append(b, `,"version":`...)
	b = appendText(b, a.Version)
	return append(b, '}')
}

// appendWidgets appends the choices in the order of their resources' names, so that
// the same choices are the same text.
func appendWidgets(b []byte, widgets map[string]string) []byte {
	b = append(b, '{')
	if len(widgets) > 0 {
		for i, name := range slices.Sorted(maps.Keys(widgets)) {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(b, name)
			b = append(b, ':')
			b = appendText(b, widgets[name])
		}
	}
	return append(b, '}')
}

func appendResources(b []byte, rs []roost.Resource) []byte {
	b = append(b, '[')
	for i := range rs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"name":`...)
		b = appendText(b, rs[i].Name)
		b = append(b, `,"value":`...)
		b = appendValue(b, rs[i].Value)
		b = append(b, `,"at":`...)
		b = appendMS(b, rs[i].At)
		b = appendMeasure(b, rs[i].Value)
		b = append(b, `,"writable":`...)
		b = strconv.AppendBool(b, rs[i].Writable)
		b = append(b, '}')
	}
	return append(b, ']')
}
