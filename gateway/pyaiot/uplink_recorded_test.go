package pyaiot

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// The recorded sessions of real brokers, from the side of a gateway: what happened to
// the nodes of each recorded gateway happens to an uplink's, the broker says to it
// what it said then, and what the uplink sends is held against what was sent. What
// may differ:
//
//   - The new, ip, id and protocol of a node that is known already are not repeated.
//   - Behind a reset the node's ip, id and protocol are said again.
//   - A replay starts with ip, id and protocol, and holds the newest values, also
//     where the real gateway had forgotten them.
func TestRecordedGatewaysOf2021(t *testing.T) {
	replayGateways(t, "testdata/session-2021.jsonl", AuthHead)
}

func TestRecordedGatewaysOf2019(t *testing.T) {
	replayGateways(t, "testdata/session-2019.jsonl", AuthLegacy)
}

func replayGateways(t *testing.T, path, auth string) {
	keys, err := wire.LoadKeys("testdata/keys.ini")
	if err != nil {
		t.Fatal(err)
	}
	played := 0
	var conns []string
	of := map[string][]line{}
	for _, l := range recorded(t, path) {
		if l.Ev == "ws" && l.Op == "text" && strings.Contains(l.Conn, "gateway") {
			if of[l.Conn] == nil {
				conns = append(conns, l.Conn)
			}
			of[l.Conn] = append(of[l.Conn], l)
		}
	}
	for _, name := range conns {
		f := newStrict(t, keys, auth)
		o := dialTo(t, f.srv.URL, keys, func(c *UplinkConfig) { c.Auth = auth; c.Name = "" })
		o.connected()
		r := &rerun{t: t, name: name, f: f, o: o, nodes: map[string]*again{}}
		for i, l := range of[name] {
			fromGateway := strings.HasSuffix(l.Dir, ">broker")
			if auth == AuthLegacy && fromGateway && !strings.HasPrefix(l.Data, "{") {
				continue // its token
			}
			played++
			if fromGateway {
				r.gateway(l.Data)
			} else {
				r.broker(l.Data, of[name][i+1:])
			}
		}
		o.stop()
	}
	if played < 100 {
		t.Errorf("only %d messages were played", played)
	}
}

// rerun is one recorded connection of a gateway.
type rerun struct {
	t     *testing.T
	name  string
	f     *strictBroker
	o     *out
	nodes map[string]*again
	order []*again
}

// again is a node of it, and its link.
type again struct {
	uid    string
	ref    roost.Ref
	names  []string
	values map[string]string
	got    chan roost.Command
}

func (n *again) Send(_ context.Context, c roost.Command) error { n.got <- c; return nil }
func (n *again) Close(string)                                  {}

func (n *again) facts() (list []string) {
	for _, name := range []string{"ip", "id", "protocol"} {
		if _, ok := n.values[name]; ok {
			list = append(list, name)
		}
	}
	return list
}

type spoken struct {
	Type, UID, Endpoint, Dst, Src string
	Data                          json.RawMessage
}

func (r *rerun) parse(text string) (m spoken) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		r.t.Fatalf("%s: %v", text, err)
	}
	return m
}

func (r *rerun) arrive(n *again, restarted bool) {
	r.t.Helper()
	s, err := r.o.u.Arrive(r.t.Context(), gateway.Arrival{Identity: roost.Identity{Door: "coap", Own: n.uid}, Restarted: restarted, Link: n})
	if err != nil {
		r.t.Fatal(err)
	}
	n.ref = s.Ref
}

// gateway makes happen what a recorded message tells, and wants that message.
func (r *rerun) gateway(text string) {
	r.t.Helper()
	m := r.parse(text)
	n := r.nodes[m.UID]
	switch {
	case m.UID == "alive", m.Dst != "" && m.Dst != "all": // a part of a replay
	case m.Type == "new" && n != nil:
		r.arrive(n, false)
	case m.Type == "new":
		n = &again{uid: m.UID, values: map[string]string{}, got: make(chan roost.Command, 100)}
		r.nodes[m.UID] = n
		r.order = append(r.order, n)
		r.arrive(n, false)
		r.f.want(text)
	case n == nil: // not announced on this connection: a broker drops it
	case m.Type == "update":
		fact := m.Endpoint == "ip" || m.Endpoint == "id" || m.Endpoint == "protocol"
		repeated := fact && n.values[m.Endpoint] == string(m.Data)
		if _, known := n.values[m.Endpoint]; !known {
			n.names = append(n.names, m.Endpoint)
		}
		n.values[m.Endpoint] = string(m.Data)
		if err := r.o.u.Report(r.t.Context(), n.ref, []roost.Resource{{Name: m.Endpoint, Value: roost.Value(m.Data)}}); err != nil {
			r.t.Fatal(err)
		}
		if !repeated {
			r.f.want(text)
		}
	case m.Type == "out":
		if err := r.o.u.Leave(r.t.Context(), n.ref, n); err != nil {
			r.t.Fatal(err)
		}
		delete(r.nodes, m.UID)
		r.order = slices.DeleteFunc(r.order, func(o *again) bool { return o == n })
		r.f.want(text)
	case m.Type == "reset":
		r.arrive(n, true)
		r.f.want(text)
		n.names = n.facts()
		for name := range n.values {
			if !slices.Contains(n.names, name) {
				delete(n.values, name)
			}
		}
		for _, name := range n.names {
			r.f.want(updateText(n.uid, name, n.values[name], "all"))
		}
	}
}

// broker sends a recorded message, and wants what a gateway does with it.
func (r *rerun) broker(text string, rest []line) {
	r.t.Helper()
	m := r.parse(text)
	r.f.say(text)
	switch m.Type {
	case "new":
		r.wantReplay(m.Src, rest)
	case "update":
		q, ok := wire.ParseCommand(m.Data)
		if n := r.nodes[q.UID]; ok && n != nil {
			select {
			case c := <-n.got:
				if c.Resource != q.Endpoint || c.Value.AsText() != roost.Value(q.Payload).AsText() {
					r.t.Fatalf("%s became %s = %s", text, c.Resource, c.Value)
				}
			case <-time.After(roomtest.Patience):
				r.t.Fatalf("nothing became of %s", text)
			}
		}
	}
}

// wantReplay wants all that is known, and that what the recorded gateway answered is in it.
func (r *rerun) wantReplay(src string, rest []line) {
	r.t.Helper()
	got := map[string]bool{}
	for _, n := range r.order {
		r.f.want(newText(n.uid, src))
		got[newText(n.uid, src)] = true
		for _, name := range append(n.facts(), slices.DeleteFunc(slices.Clone(n.names), func(s string) bool { return slices.Contains(n.facts(), s) })...) {
			want := updateText(n.uid, name, n.values[name], src)
			r.f.want(want)
			got[want] = true
		}
	}
	for _, l := range rest {
		if strings.Contains(l.Data, `"src": "`+src+`"`) && strings.Contains(l.Data, `"type": "new"`) {
			return // it was asked once more
		}
		if m := r.parse(l.Data); strings.HasSuffix(l.Dir, ">broker") && m.Dst == src && !got[l.Data] {
			r.t.Errorf("%s: the recorded gateway also said %s", r.name, l.Data)
		}
	}
}
