package pyaiot

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// compareGateway: of what the real broker forwarded, the commands for its own nodes.
func (s *stage) compareGateway(a *actor) {
	if a.peer == nil {
		return
	}
	var want []string
	if s.legacy && s.h.keys.CheckToken(a.token) == nil {
		want = append(want, wire.Resync)
	}
	for _, text := range a.recorded {
		q, _ := forwarded(text)
		want = append(want, string(wire.AppendCommand(nil, q.UID, q.Endpoint, roost.Value(q.Payload).AsText(), s.h.door.src)))
	}
	if diff := cmp.Diff(want, a.got); diff != "" {
		s.t.Errorf("%s got (-recorded +ours):\n%s", a.name, diff)
	}
	if a.closed != "" && a.closed != a.end {
		s.t.Errorf("%s was closed with %q, recorded %q", a.name, a.end, a.closed)
	}
}

// told is what a client was told of one node.
type told struct {
	Live   []string // to all
	Blocks [][]string
}

func (s *stage) compareClient(a *actor) {
	if a.closed != "" && a.closed != a.end {
		s.t.Errorf("%s was closed with %q, recorded %q", a.name, a.end, a.closed)
	}
	if !a.said {
		return
	}
	want := s.sorted(a.name, a.recorded, map[string]bool{a.id: true})
	got := s.sorted(a.name, a.got, a.ids)
	for uid, w := range want {
		w.Live = expected(w.Live)
		g := got[uid]
		if g == nil {
			g = &told{}
		}
		g.Live = s.withoutRemembered(a, uid, g.Live)
		if diff := cmp.Diff(w.Live, g.Live); diff != "" {
			s.t.Errorf("%s was told of %s (-recorded +ours):\n%s", a.name, uid, diff)
		}
		if diff := cmp.Diff(w.Blocks, g.Blocks); diff != "" {
			s.t.Errorf("%s was replayed %s (-recorded +ours):\n%s", a.name, uid, diff)
		}
	}
	for uid := range got {
		if want[uid] == nil {
			s.t.Errorf("%s was told of %s: %q", a.name, uid, got[uid])
		}
	}
}

// sorted parts a stream by node, and blocks of a replay from what goes to all. Values
// in a block stand in the order of their names, behind ip, id and protocol.
func (s *stage) sorted(name string, stream []string, ids map[string]bool) map[string]*told {
	out := map[string]*told{}
	for _, text := range stream {
		var m struct{ Type, UID, Endpoint, Dst string }
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			s.t.Fatalf("%s: %s: %v", name, text, err)
		}
		w := out[m.UID]
		if w == nil {
			w = &told{}
			out[m.UID] = w
		}
		switch {
		case m.Dst == "" || m.Dst == "all":
			w.Live = append(w.Live, text)
		case !ids[m.Dst]:
			s.t.Errorf("%s got what is for %s", name, m.Dst)
		case m.Type == "new":
			w.Blocks = append(w.Blocks, []string{"new"})
		case len(w.Blocks) == 0:
			s.t.Errorf("%s: value before new: %s", name, text)
		default:
			last := len(w.Blocks) - 1
			w.Blocks[last] = append(w.Blocks[last], strings.Replace(text, m.Dst, "ID", 1))
		}
	}
	for _, w := range out {
		for _, b := range w.Blocks {
			s.identityLeads(name, b)
			slices.Sort(b[1:])
		}
	}
	return out
}

func (s *stage) identityLeads(name string, block []string) {
	for i, text := range block {
		if strings.Contains(text, `"endpoint": "protocol"`) && i > 3 {
			s.t.Errorf("%s: protocol comes late: %q", name, block)
		}
	}
}

// expected is what our broker makes of the stream that a client was sent: less every
// new of a node that is known by then, and with what the node is behind each reset.
func expected(live []string) (out []string) {
	known, facts := false, map[string]string{}
	for _, text := range live {
		var m struct{ Type, Endpoint string }
		_ = json.Unmarshal([]byte(text), &m) // parsed once already
		if m.Type == "new" && known {
			continue
		}
		out = append(out, text)
		switch m.Type {
		case "new", "out":
			known = m.Type == "new"
		case "update":
			facts[m.Endpoint] = text
		case "reset":
			for _, name := range []string{"ip", "id", "protocol"} {
				if fact := facts[name]; fact != "" {
					out = append(out, fact)
				}
			}
		}
	}
	return out
}

// withoutRemembered takes out the last values that our broker sends behind the new of
// a node that was here before. They must be exactly those that it knew.
func (s *stage) withoutRemembered(a *actor, uid string, live []string) (out []string) {
	isNew := func(text string) bool { return strings.HasPrefix(text, `{"type": "new"`) }
	returns := s.nodes[uid].returns[a.since[uid]:]
	for i := 0; i < len(live); i++ {
		out = append(out, live[i])
		if !isNew(live[i]) {
			continue
		}
		if len(returns) == 0 {
			s.t.Fatalf("%s: %s came more often than it went", a.name, uid)
		}
		known := returns[0]
		returns = returns[1:]
		got := slices.Sorted(slices.Values(live[i+1 : min(len(live), i+1+len(known))]))
		if diff := cmp.Diff(known, got, cmpopts.EquateEmpty()); diff != "" {
			s.t.Errorf("remembered of %s (-known +sent):\n%s", uid, diff)
		}
		i += len(known)
	}
	return out
}
