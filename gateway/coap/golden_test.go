package coap_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	wire "github.com/roost-iot/roost/wire/coap"
)

// recorded is one line of a session of a real Pyaiot CoAP gateway (port 5684) with
// its own test node (port 5683): a datagram, what the gateway then told its
// broker, or what the driver of the session did next.
type recorded struct {
	N        int
	Step     string
	Src, Dst string
	Hex      string
	Hub      *struct{ Type, Endpoint, Data string }

	raw []byte
	msg wire.Message
}

func (r recorded) to(port string) bool { return strings.HasSuffix(r.Dst, port) }

func readSession(t *testing.T, file string) (all []recorded) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var r recorded
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if r.Hex != "" {
			if r.raw, err = hex.DecodeString(r.Hex); err != nil {
				t.Fatal(err)
			}
			if r.msg, err = wire.Parse(r.raw); err != nil {
				t.Fatalf("line %d: %v", r.N, err)
			}
		}
		all = append(all, r)
	}
	return all
}

// replay plays the node's part of a session against a house.
type replay struct {
	*house
	t       *testing.T
	session []recorded
	sockets map[string]*net.UDPConn

	mu      sync.Mutex
	answers map[string]wire.Message // of the node, by method and path
}

func newReplay(t *testing.T, file string) *replay {
	p := &replay{house: open(t), t: t, session: readSession(t, file), sockets: map[string]*net.UDPConn{}, answers: map[string]wire.Message{}}
	p.raw(t, "127.0.0.1", func(q wire.Message) []byte {
		p.mu.Lock()
		defer p.mu.Unlock()
		a, ok := p.answers[q.Code.String()+q.Options.Path()]
		if !ok {
			a = wire.Message{Code: wire.NotFound}
		}
		a.Type, a.ID, a.Token = wire.Acknowledgement, q.ID, q.Token
		return a.Append(nil)
	})
	t.Cleanup(func() {
		for _, c := range p.sockets {
			c.Close()
		}
	})
	return p
}

// answerTo finds the recorded answer to message i.
func (p *replay) answerTo(i int) (recorded, bool) {
	q := p.session[i]
	for _, r := range p.session[i+1:] {
		if r.Hex != "" && r.Src == q.Dst && r.Dst == q.Src && r.msg.Token == q.msg.Token && r.msg.Code.IsResponse() {
			return r, true
		}
	}
	return recorded{}, false
}

// prepare makes the node answer what it answered after message i.
func (p *replay) prepare(i int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for j := i + 1; j < len(p.session); j++ {
		r := p.session[j]
		if r.to(":5684") && r.msg.Options.PathIs("alive") && r.msg.Code == wire.POST {
			return
		}
		if !r.to(":5683") || !r.msg.Code.IsRequest() || r.msg.Code != wire.GET {
			continue
		}
		if a, ok := p.answerTo(j); ok {
			p.answers["GET"+r.msg.Options.Path()] = a.msg
		}
	}
}

// send replays a datagram of the node and compares the answer byte for byte.
func (p *replay) send(i int) {
	q := p.session[i]
	want, ok := p.answerTo(i)
	if !ok || want.msg.Code.Class() == 5 {
		return // the gateway was down, or had lost its broker
	}
	conn := p.sockets[q.Src]
	if conn == nil {
		host, err := netip.ParseAddrPort(q.Src)
		if err != nil {
			p.t.Fatal(err)
		}
		conn = listen(p.t, host.Addr().String()+":0")
		p.sockets[q.Src] = conn
	}
	if _, err := conn.WriteToUDPAddrPort(q.raw, p.at); err != nil {
		p.t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	buf := make([]byte, 2048)
	n, err := conn.Read(buf)
	if err != nil {
		p.t.Fatalf("line %d: no answer to %q: %v", q.N, q.msg.Payload, err)
	}
	if !bytes.Equal(buf[:n], want.raw) {
		p.t.Errorf("line %d: %q was answered\n%x, Pyaiot says\n%x", q.N, q.msg.Payload, buf[:n], want.raw)
	}
}

// command gives the node the command that message i carried.
func (p *replay) command(i int) {
	q := p.session[i]
	a, ok := p.answerTo(i)
	if !ok {
		return
	}
	path := q.msg.Options.Path()
	p.mu.Lock()
	p.answers["PUT"+path] = a.msg
	p.mu.Unlock()
	c := p.ended(p.t, p.submit(p.t, command.Request{Ref: ref("1234"), Resource: path[1:], Value: roost.Text(string(q.msg.Payload)), By: "page"}))
	if good := a.msg.Code.Class() == 2; (c.State == roost.Done) != good {
		p.t.Errorf("line %d: a command that was answered %v is %s", q.N, a.msg.Code, c.State)
	}
}

// step replays one step and gives what Pyaiot told its broker then, without what
// it should not have told: errors and foreign links as values.
func (p *replay) step(from, to int) (hub []string) {
	for i := from; i < to; i++ {
		switch r := p.session[i]; {
		case r.Hub != nil && r.Hub.Type == "new":
			hub = append(hub, "1234 online")
		case r.Hub != nil && r.Hub.Type == "reset": // Pyaiot forgot to tell ip and protocol again
			hub = append(hub, "1234 reset", "1234 ip=::ffff:127.0.0.1", "1234 protocol=CoAP")
		case r.Hub != nil && r.Hub.Type == "update" && r.Hub.Data != "" && !strings.HasPrefix(r.Hub.Endpoint, "ttps:"):
			hub = append(hub, fmt.Sprintf("1234 %s=%s", r.Hub.Endpoint, r.Hub.Data))
		case r.to(":5684") && r.Hex != "":
			if r.msg.Options.PathIs("alive") {
				p.prepare(i)
			}
			p.send(i)
		case r.to(":5683") && r.msg.Code == wire.PUT:
			p.command(i)
		}
	}
	return hub
}

// Two sessions of real Pyaiot programs: the same datagrams get the same answers,
// and what is told of the node is the same, up to the step where it is killed.
func TestGoldenSessions(t *testing.T) {
	for file, fix := range map[string]func(step string, hub []string) (want []string, comparable bool){
		"testdata/pyaiot-old.jsonl": func(_ string, hub []string) ([]string, bool) { return hub, true },
		// The newest Pyaiot announces a node again with each alive and reset; a reset
		// should tell so, an alive nothing.
		"testdata/pyaiot-head.jsonl": func(step string, hub []string) ([]string, bool) {
			switch {
			case strings.Contains(step, "posts 'reset"):
				return append([]string{"1234 reset"}, slices.DeleteFunc(hub, func(s string) bool { return s == "1234 online" })...), true
			case strings.Contains(step, "without token"):
				return nil, false
			}
			return hub, true
		},
	} {
		t.Run(strings.TrimSuffix(file[len("testdata/"):], ".jsonl"), func(t *testing.T) {
			p := newReplay(t, file)
			compare, compared := true, 0
			for i := 0; i < len(p.session); {
				end := i + 1
				for end < len(p.session) && p.session[end].Step == "" {
					end++
				}
				step := p.session[i].Step
				compare = compare && !strings.Contains(step, "are killed")
				want, comparable := fix(step, p.step(i, end))
				switch {
				case compare && comparable:
					p.compare(step, want)
					compared += len(want)
				case compare:
					p.pass(t)
				}
				i = end
			}
			if compared < 50 {
				t.Errorf("only %d events were compared", compared)
			}
		})
	}
}

// compare checks the events of a step; a discovery and what the node pushes
// meanwhile may come in another order.
func (p *replay) compare(step string, want []string) {
	p.t.Helper()
	var got []string
	for len(got) < len(want) {
		e, ok := p.within(p.t, 3*time.Second)
		if !ok {
			break
		}
		got = append(got, e)
	}
	first := min(3, len(got))
	if len(want) > 0 && strings.HasSuffix(want[0], "online") && !slices.Equal(got[:first], want[:first]) {
		p.t.Errorf("%s: begins with %q", step, got[:first])
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		p.t.Fatalf("%s:\ngot  %q\nwant %q", step, got, want)
	}
}

// pass skips the events of a step that is not compared.
func (p *replay) pass(t *testing.T) {
	taken(t, post(t, p.house, "127.0.0.1:0", "/server", "mark:1"), "mark:1")
	p.until(t, "1234 mark=1")
}
