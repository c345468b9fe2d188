package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	wire "github.com/roost-iot/roost/wire/pyaiot"
)

type resource struct {
	Name     string          `json:"name"`
	Value    json.RawMessage `json:"value"`
	Writable bool            `json:"writable"`
}

type thing struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	State     string     `json:"state"`
	Online    bool       `json:"online"`
	Resources []resource `json:"resources"`
}

// value gives a resource's JSON text, "" without one.
func (h thing) value(name string) string {
	for _, r := range h.Resources {
		if r.Name == name {
			return string(r.Value)
		}
	}
	return ""
}

type command struct {
	ID, State, Error, Resource, By string
}

// reading is a millisecond that has readings.
type reading struct {
	T              int64
	Min, Max, Last float64
	N              int
}

// localToken reads the token that the server leaves for its machine.
func (s *server) localToken() string {
	s.t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.data, "secrets", "local.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	var here struct{ Token string }
	if err := json.Unmarshal(raw, &here); err != nil {
		s.t.Fatal(err)
	}
	return here.Token
}

// ask calls the API and gives status and body; an error when nobody answers.
func (s *server) ask(method, path string, body any) (int, []byte, error) {
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		reader = bytes.NewReader(raw)
	}
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.http+"/api/v2"+path, reader)
	if err != nil {
		return 0, nil, err
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, text, err
}

// call calls the API and fails the test for what is no success.
func (s *server) call(method, path string, body, into any) {
	s.t.Helper()
	status, text, err := s.ask(method, path, body)
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("status %d: %s", status, text)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// thing gives one thing; false: there is none.
func (s *server) thing(id string) (h thing, ok bool) {
	s.t.Helper()
	status, text, err := s.ask("GET", "/things/"+id, nil)
	if err != nil || (status != 200 && status != 404) {
		s.t.Fatalf("thing %s: status %d, %v, %s", id, status, err, text)
	}
	if status == 404 {
		return h, false
	}
	if err := json.Unmarshal(text, &h); err != nil {
		s.t.Fatal(err)
	}
	return h, true
}

// awaitState waits until a thing is waiting or enrolled.
func (s *server) awaitState(id, state string) {
	s.t.Helper()
	eventually(s.t, id+" is "+state, func() bool { h, ok := s.thing(id); return ok && h.State == state })
}

// awaitValue waits for a resource's JSON text.
func (s *server) awaitValue(id, name, value string) {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("%s of %s is %s", name, id, value), func() bool {
		h, _ := s.thing(id)
		return h.value(name) == value
	})
}

func (s *server) send(id, resource string, value any) command {
	s.t.Helper()
	var c command
	s.call("POST", "/things/"+id+"/commands", map[string]any{"resource": resource, "value": value}, &c)
	return c
}

// confirm sends a command and waits until the thing confirms it.
func (s *server) confirm(id, resource string, value any) {
	s.t.Helper()
	s.awaitCommand(s.send(id, resource, value).ID, "done")
}

func (s *server) awaitCommand(id, state string) command {
	s.t.Helper()
	var c command
	eventually(s.t, "command "+id+" is "+state, func() bool {
		s.call("GET", "/commands/"+id, nil, &c)
		if c.State == "failed" && state != "failed" {
			s.t.Fatalf("command failed: %s", c.Error)
		}
		return c.State == state
	})
	return c
}

// readings gives what was recorded of a resource since then, by the millisecond.
func (s *server) readings(id, name string, since time.Time) (all []reading) {
	s.t.Helper()
	const span = 5000 // ms, and the most points of one answer
	for from := since.UnixMilli(); from <= time.Now().UnixMilli(); from += span {
		var answer struct{ Numbers []reading }
		s.call("GET", fmt.Sprintf("/things/%s/readings?resource=%s&from=%d&to=%d&points=%d", id, name, from, from+span, span), nil, &answer)
		all = append(all, answer.Numbers...)
	}
	return all
}

// socket is a WebSocket peer of the test.
type socket struct {
	t    testing.TB
	conn *websocket.Conn
}

func (s *server) dial(path string, o *websocket.DialOptions) *socket {
	s.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	conn, _, err := websocket.Dial(ctx, "ws://"+s.http+path, o)
	if err != nil {
		s.t.Fatalf("dial %s: %v", path, err)
	}
	conn.SetReadLimit(-1)
	s.t.Cleanup(func() { _ = conn.CloseNow() }) // may be closed already
	return &socket{s.t, conn}
}

// gateway dials in as a Pyaiot gateway does, with a token of the key file.
func (s *server) gateway() *socket {
	s.t.Helper()
	keys, err := wire.LoadKeys(s.keys)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.dial("/gw", &websocket.DialOptions{Subprotocols: []string{"token", keys.Token(time.Now())}})
}

// page dials in as a Pyaiot page does.
func (s *server) page(query string) *socket {
	s.t.Helper()
	p := s.dial("/ws"+query, nil)
	p.write(`{"type":"new","data":"client"}`)
	return p
}

func (p *socket) write(text string) {
	p.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	if err := p.conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		p.t.Fatalf("send %s: %v", text, err)
	}
}

// until reads up to the first message that holds all parts, and gives it.
func (p *socket) until(parts ...string) string {
	p.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
next:
	for {
		_, raw, err := p.conn.Read(ctx)
		if err != nil {
			p.t.Fatalf("no message with %q: %v", parts, err)
		}
		for _, part := range parts {
			if !strings.Contains(string(raw), part) {
				continue next
			}
		}
		return string(raw)
	}
}

// closed reads to the end and gives the close code, -1 without one.
func (p *socket) closed() websocket.StatusCode {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	for {
		if _, _, err := p.conn.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}
