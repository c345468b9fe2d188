package web

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/roost-iot/roost"
)

// ThingPath is embedded by what is about one thing.
type ThingPath struct {
	ID string `path:"id" maxLength:"120" example:"greenhouse-north" doc:"The id of the thing."`
}

type thingAnswer struct{ Body thingBody }

func (s *Server) ref(id string) roost.Ref {
	return roost.Ref{Project: s.project, Thing: roost.ThingID(id)}
}

// find gives a thing and what it last said.
func (s *Server) find(id string) (thingBody, error) {
	t, rs, ok := s.Registry.Get(s.ref(id))
	if !ok {
		return thingBody{}, roost.Errorf(roost.NotFound, "There is no thing %q here.", id)
	}
	return thingBody{t, rs, s.credentialOf(&t), s.appOf(t.Ref)}, nil
}

type thingsQuery struct {
	Q        string `query:"q" maxLength:"200" doc:"Part of a name, id, tag, resource or address; whatever the case."`
	State    string `query:"state" enum:"waiting,enrolled,ignored"`
	Online   string `query:"online" enum:"true,false"`
	Protocol string `query:"protocol" maxLength:"40" example:"CoAP"`
	Tag      string `query:"tag" maxLength:"40"`
	App      string `query:"app" maxLength:"64" example:"5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10" doc:"The id of an app: things that have it."`
}

func (s *Server) listThings(_ context.Context, in *thingsQuery) (*struct{ Body thingsBody }, error) {
	out := &struct{ Body thingsBody }{newThingsBody(int(s.listSize.Load()))}
	list := &out.Body
	part := strings.ToLower(strings.TrimSpace(in.Q))
	apps := s.appsOfThings()
	s.Registry.Each(s.project, func(t roost.Thing, rs []roost.Resource) bool {
		list.count(&t)
		if !in.matches(&t, rs, part) {
			return true
		}
		if app := apps.of(t.Ref); in.App == "" || app.ID == in.App {
			list.add(&t, rs, s.credentialOf(&t), &app)
		}
		return true
	})
	s.listSize.Store(int64(len(list.text)))
	return out, nil
}

func (q *thingsQuery) matches(t *roost.Thing, rs []roost.Resource, part string) bool {
	switch {
	case q.State == "" && t.Enrolment == roost.Ignored,
		q.State != "" && q.State != string(t.Enrolment),
		q.Online != "" && (q.Online == "true") != t.Online,
		q.Protocol != "" && !strings.EqualFold(q.Protocol, string(t.Protocol)):
		return false
	}
	return hasTag(t, q.Tag) && mentions(t, rs, part)
}

func hasTag(t *roost.Thing, want string) bool {
	if want == "" {
		return true
	}
	for _, tag := range t.Tags {
		if strings.EqualFold(tag, want) {
			return true
		}
	}
	return false
}

// mentions tells whether part, in lower case, is somewhere in what names a thing.
func mentions(t *roost.Thing, rs []roost.Resource, part string) bool {
	if part == "" {
		return true
	}
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), part) }
	if has(string(t.Ref.Thing)) || has(shownName(t, rs)) || has(t.Address) || has(t.Gateway) {
		return true
	}
	for _, tag := range t.Tags {
		if has(tag) {
			return true
		}
	}
	for i := range rs {
		if has(rs[i].Name) {
			return true
		}
	}
	return false
}

func (s *Server) getThing(_ context.Context, in *ThingPath) (*thingAnswer, error) {
	t, err := s.find(in.ID)
	return &thingAnswer{t}, err
}

func (s *Server) listResources(_ context.Context, in *ThingPath) (*struct{ Body resourcesBody }, error) {
	t, err := s.find(in.ID)
	return &struct{ Body resourcesBody }{resourcesBody{t.resources}}, err
}

type thingChange struct {
	ThingPath
	Body struct {
		Name    *string           `json:"name,omitempty" maxLength:"120" example:"Greenhouse north" doc:"The given name; empty takes it away."`
		Tags    *[]string         `json:"tags,omitempty" nullable:"false" maxItems:"100" example:"[\"greenhouse\"]" doc:"All tags; they replace those before."`
		Widgets map[string]string `json:"widgets,omitempty" example:"{\"temperature\": \"gauge\"}" doc:"How resources are to be shown; others stay as they are, an empty choice takes one away."`
	} `contentType:"application/json" nameHint:"ThingChange"`
}

func (s *Server) changeThing(ctx context.Context, in *thingChange) (*thingAnswer, error) {
	ref := s.ref(in.ID)
	if _, err := s.find(in.ID); err != nil {
		return nil, err
	}
	if name := in.Body.Name; name != nil {
		if _, err := s.Registry.Rename(ctx, ref, *name); err != nil {
			return nil, err
		}
		if err := s.audit(ctx, "thing.name", in.ID, "named "+*name); err != nil {
			return nil, err
		}
	}
	if tags := in.Body.Tags; tags != nil {
		if _, err := s.Registry.Tag(ctx, ref, *tags); err != nil {
			return nil, err
		}
		if err := s.audit(ctx, "thing.tag", in.ID, "tagged "+strings.Join(*tags, ", ")); err != nil {
			return nil, err
		}
	}
	if widgets := in.Body.Widgets; len(widgets) > 0 {
		if _, err := s.Registry.ShowAs(ctx, ref, widgets); err != nil {
			return nil, err
		}
		if err := s.audit(ctx, "thing.widgets", in.ID, chosen(widgets)); err != nil {
			return nil, err
		}
	}
	return s.getThing(ctx, &in.ThingPath)
}

// chosen says for people how resources are shown from now on.
func chosen(widgets map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(widgets)) {
		all = append(all, name+" as "+cmp.Or(widgets[name], "before"))
	}
	return strings.Join(all, ", ")
}

func (s *Server) ignoreThing(ctx context.Context, in *ThingPath) (*thingAnswer, error) {
	if _, err := s.Registry.Ignore(ctx, s.ref(in.ID)); err != nil {
		return nil, err
	}
	if err := s.audit(ctx, "thing.ignore", in.ID, ""); err != nil {
		return nil, err
	}
	return s.getThing(ctx, in)
}

func (s *Server) deleteThing(ctx context.Context, in *ThingPath) (*struct{}, error) {
	t, err := s.find(in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.forget(ctx, t.thing.Ref); err != nil {
		return nil, err
	}
	return nil, s.audit(ctx, "thing.delete", in.ID, shownName(&t.thing, t.resources))
}

// forget deletes a thing with all that is known of it. What runs on it goes first, as
// its readings do (see gateway.Switchboard), and once more at the end: a thing that is
// alive may have registered meanwhile.
func (s *Server) forget(ctx context.Context, ref roost.Ref) error {
	if s.Releases == nil {
		return s.Switchboard.Forget(ctx, ref)
	}
	if err := s.Releases.Forget(ctx, ref); err != nil {
		return err
	}
	if err := s.Switchboard.Forget(ctx, ref); err != nil {
		return err
	}
	if s.Boards != nil {
		if err := s.Boards.Forget(ctx, ref); err != nil {
			return err
		}
	}
	if s.Agents != nil {
		if err := s.Agents.Forget(ctx, ref); err != nil {
			return err
		}
	}
	return s.Releases.Forget(ctx, ref)
}
