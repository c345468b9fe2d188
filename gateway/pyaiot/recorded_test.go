package pyaiot

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// Two sessions of real Pyaiot brokers, gateways and web clients were recorded.
// Here the gateways and the clients say to our broker what they said to the real
// one, and what they get is held against what they got. What may differ:
//
//   - Client ids are random: they are compared by place.
//   - Our broker answers a client's new from its own knowledge. So gateways are not
//     asked, what they answered then is left out here, and the answer is one block a
//     node: new, then its values, ip or id and protocol first.
//   - A repeated new of a node that clients know already is not sent again.
//   - A node that was out and comes back has its last values sent behind its new.
//   - A command goes to the gateway of its node alone; to nobody when the node is
//     unknown or data holds more than three keys.
//   - A token under another key is answered 401; the real broker broke with a 500.
//   - What a node is (ip, id, protocol) is sent again behind its reset.
//   - Gateways of 2019 are asked once for all they know, right after their token.
type line struct {
	N      int
	T      float64
	Ev     string
	Conn   string
	Dir    string
	Op     string
	Data   string
	Code   *int
	Reason *string
	Head   []string
	Body   string
	Text   string
}

func recorded(t *testing.T, path string) (lines []line) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

func TestRecordedSessionOf2021(t *testing.T) { replay(t, "testdata/session-2021.jsonl", false) }
func TestRecordedSessionOf2019(t *testing.T) { replay(t, "testdata/session-2019.jsonl", true) }

type stage struct {
	t      *testing.T
	h      *house
	legacy bool
	actors map[string]*actor
	order  []string
	uids   map[string]string // uid -> name of the gateway that announced it
	nodes  map[string]*recall
	fences int
	fencer *roomtest.Peer
}

// recall is what a broker with a memory knows of a node.
type recall struct {
	online  string            // name of its gateway, "" while it is out
	values  map[string]string // endpoint -> message
	returns [][]string        // values known at each new that made it online
}

func replay(t *testing.T, path string, legacy bool) {
	keys, err := wire.LoadKeys("testdata/keys.ini")
	if err != nil {
		t.Fatal(err)
	}
	h := build(t, func(c *Config) { c.Keys, c.Legacy, c.Grace = keys, legacy, -1 })
	h.keys = keys
	s := &stage{t: t, h: h, legacy: legacy, actors: map[string]*actor{}, uids: map[string]string{}, nodes: map[string]*recall{}, fencer: h.gateway()}
	for _, l := range recorded(t, path) {
		if l.Ev == "step" && l.Text == "stop all" {
			break // how processes died at the end
		}
		s.play(l)
	}
	s.settle()
	for _, name := range s.order {
		a := s.actors[name]
		a.mu.Lock()
		if a.gateway {
			s.compareGateway(a)
		} else {
			s.compareClient(a)
		}
		a.mu.Unlock()
	}
}

func (s *stage) play(l line) {
	if l.Conn == "" {
		return
	}
	from, to, _ := strings.Cut(l.Dir, ">")
	a := s.actors[l.Conn]
	switch {
	case l.Ev == "http" && to == "broker":
		s.enter(l, from)
	case l.Ev == "http":
		s.compareStatus(a, l)
	case a == nil || a.peer == nil:
	case l.Ev == "ws" && l.Op == "text" && to == "broker":
		s.say(a, l.Data)
	case l.Ev == "ws" && l.Op == "text":
		if a.gateway && strings.HasPrefix(l.Data, `{"type": "new"`) {
			s.nameClient(l.Data)
		}
		if q, ok := forwarded(l.Data); !a.gateway || ok && s.uids[q.UID] == a.name {
			a.recorded = append(a.recorded, l.Data)
		}
	case l.Ev == "ws" && l.Op == "close" && from == "broker" && !a.left:
		a.closed = "1005 "
		if l.Code != nil {
			a.closed = fmt.Sprint(*l.Code, " ", *l.Reason)
		}
	case l.Ev == "ws" && l.Op == "close" && from != "broker" && a.closed == "" && !a.left:
		a.leave(l)
		s.lose(a)
	case l.Ev == "tcp" && a.closed == "" && !a.left:
		a.left = true
		_ = a.peer.Conn.CloseNow() // whoever ended it
		s.lose(a)
	}
}

func (s *stage) compareStatus(a *actor, l line) {
	want := strings.Fields(l.Head[0])[1]
	if want == "500" {
		want = "401"
	}
	if !strings.HasPrefix(a.end, want) {
		s.t.Errorf("%s: handshake answered with %s, recorded %s", a.name, a.end, l.Head[0])
	}
}

// say sends a recorded message, and waits until all that comes of it has come.
func (s *stage) say(a *actor, text string) {
	first := !a.said
	a.said = true
	if first {
		a.token, a.since = text, map[string]int{}
		for uid, n := range s.nodes {
			a.since[uid] = len(n.returns)
		}
	}
	if a.gateway && !(s.legacy && first) {
		var m struct{ Type, UID, Dst string }
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			s.t.Fatal(err)
		}
		if m.Dst != "" && m.Dst != "all" {
			return // an answer to a question that our broker does not ask
		}
		s.remember(a, text)
	}
	a.peer.Send(text)
	if !a.gateway && strings.Contains(text, `"update"`) {
		s.awaitCommand(text)
	}
	s.settle()
	if !a.gateway {
		s.learnID(a)
	}
}

// remember follows what a broker with a memory knows.
func (s *stage) remember(a *actor, text string) {
	var m struct{ Type, UID, Endpoint string }
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		s.t.Fatal(err)
	}
	n := s.nodes[m.UID]
	switch {
	case m.Type == "new":
		s.uids[m.UID] = a.name
		if n == nil {
			n = &recall{values: map[string]string{}}
			s.nodes[m.UID] = n
		}
		if n.online == "" {
			n.returns = append(n.returns, slices.Sorted(maps.Values(n.values)))
		}
		n.online = a.name
	case n == nil || n.online != a.name: // not announced there
	case m.Type == "out":
		n.online = ""
	case m.Type == "reset":
		maps.DeleteFunc(n.values, func(endpoint, _ string) bool {
			return endpoint != "ip" && endpoint != "id" && endpoint != "protocol"
		})
	case m.Type == "update":
		n.values[m.Endpoint] = text
	}
}

// lose is the end of a connection.
func (s *stage) lose(a *actor) {
	s.settle()
	for _, n := range s.nodes {
		if n.online == a.name {
			n.online = ""
		}
	}
}

// awaitCommand waits until the owning gateway has the command.
func (s *stage) awaitCommand(text string) {
	q, ok := forwarded(text)
	if !ok {
		return
	}
	gw := s.actors[s.uids[q.UID]]
	if gw == nil {
		return
	}
	want := string(wire.AppendCommand(nil, q.UID, q.Endpoint, roost.Value(q.Payload).AsText(), s.h.door.src))
	roomtest.Eventually(s.t, "command "+text, func() bool {
		gw.mu.Lock()
		defer gw.mu.Unlock()
		return slices.Contains(gw.got, want)
	})
}

// forwarded reads a command; real brokers forward more than commands.
func forwarded(text string) (wire.Command, bool) {
	var m struct{ Data json.RawMessage }
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return wire.Command{}, false
	}
	return wire.ParseCommand(m.Data)
}

// nameClient: the recorded broker gave its newest announced client this id.
func (s *stage) nameClient(text string) {
	var m struct{ Src string }
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		s.t.Fatal(err)
	}
	for _, name := range slices.Backward(s.order) {
		if a := s.actors[name]; !a.gateway && a.said && (a.id == "" || a.id == m.Src) {
			a.id = m.Src
			return
		}
	}
}

func (s *stage) learnID(a *actor) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, text := range a.got {
		var m struct{ Dst string }
		if json.Unmarshal([]byte(text), &m) == nil && m.Dst != "" && m.Dst != "all" {
			a.ids[m.Dst] = true
		}
	}
}
