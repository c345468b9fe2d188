package desk

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/wire/agent"
)

// ServerConfig says how a Server is; its zero value works.
type ServerConfig struct {
	Clock *micropython.Clock // by which it waits and tells the time; nil: as everybody
	Now   func() time.Time   // what it tells boards, right or wrong; nil: the Clock's, or time.Now
	Open  bool               // who joins is let in, else it waits for Thing.Approve
	Log   *slog.Logger       // every request; nil: none
}

// Fault is what a Server does wrong with one request. Its zero value is no fault.
type Fault struct {
	Status int           // refuses with this status; 503 and 429 with Retry-After: 1
	Body   []byte        // answers this with Status, or 200, in place of what it would
	Forge  bool          // a bit of the answer's body is wrong
	Cut    int           // the connection ends after so many bytes of the answer, headers too; 0: it does not, below 0: at once
	Delay  time.Duration // before it answers, of the Clock
	Lost   bool          // the request counts, its answer does not come
}

// Server is a small server of docs/protocols/agent.md in memory. It is an http.Handler,
// for whoever comes by loopback; boards in memory reach it at URL. Close it.
type Server struct {
	config   ServerConfig
	http     *http.Server
	listener *listener
	serving  sync.WaitGroup

	mu       sync.Mutex
	things   map[string]*Thing
	sessions map[agent.SessionID]*session
	fault    func(r *http.Request) Fault
	nextID   int
}

// session is a thing's, until Forget, or until it has said hello mostSessions times more.
type session struct {
	*agent.Session
	thing  *Thing
	window agent.Window
}

// NewServer starts one.
func NewServer(config ServerConfig) *Server {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
		if config.Clock != nil {
			config.Now = config.Clock.Now
		}
	}
	s := &Server{
		config: config, listener: newListener(),
		things: map[string]*Thing{}, sessions: map[agent.SessionID]*session{},
	}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(config.Log.Handler(), slog.LevelDebug)}
	watch(s.http)
	s.serving.Go(func() { _ = s.http.Serve(s.listener) }) // it ends with Close
	return s
}

// real is the time by which it waits.
func (s *Server) real() time.Time {
	if s.config.Clock != nil {
		return s.config.Clock.Now()
	}
	return time.Now()
}

// Close ends it and all that it does.
func (s *Server) Close() {
	_ = s.http.Close()
	s.serving.Wait()
}

// Dial connects in memory, whatever the address: it has the form of net.Dialer's.
func (s *Server) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return s.listener.dial(ctx)
}

// Break has every request asked for its fault; nil: all goes well again.
func (s *Server) Break(fault func(r *http.Request) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fault
}

// Forget drops all sessions, as a restart does. Calls that wait are answered all the same;
// the next ones are refused.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// Enrol makes a thing with a key known; an empty id or key: the server makes one.
func (s *Server) Enrol(id string, key agent.Key) *Thing {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == "" {
		s.nextID++
		id = fmt.Sprintf("board-%d", s.nextID)
	}
	if key == (agent.Key{}) {
		key = agent.NewKey()
	}
	t := newThing(s, id, key, true)
	s.things[id] = t
	return t
}

// drop forgets a thing and its sessions. Who waits for its answer has waited enough.
func (s *Server) drop(t *Thing) {
	s.mu.Lock()
	delete(s.things, t.ID)
	maps.DeleteFunc(s.sessions, func(_ agent.SessionID, x *session) bool { return x.thing == t })
	s.mu.Unlock()
	t.change(func() {
		t.gone = true
		for _, c := range t.commands {
			t.end(c, unanswered(c))
		}
	})
}

// Thing gives one by its id; nil: nobody has it.
func (s *Server) Thing(id string) *Thing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.things[id]
}

// Things gives all, by id.
func (s *Server) Things() map[string]*Thing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.things)
}

// ServeHTTP answers a board, rightly or as Break says.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	fault := s.fault
	s.mu.Unlock()
	var f Fault
	if fault != nil {
		f = fault(r)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, agent.MaxBody))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, agent.StateRequest, "The body cannot be read.")
		return
	}
	s.config.Log.Debug("request", "path", r.URL.Path, "bytes", len(body), "fault", f.broken())
	if f.broken() {
		s.misbehave(w, r, body, f)
		return
	}
	s.answer(w, r, body)
}

func (f Fault) broken() bool {
	return f.Status != 0 || f.Body != nil || f.Forge || f.Cut != 0 || f.Delay != 0 || f.Lost
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, body []byte) {
	switch r.URL.Path {
	case agent.PathJoin:
		s.join(w, body)
	case agent.PathHello:
		s.hello(w, body)
	case agent.PathTime:
		s.time(w, body)
	case agent.PathRegister, agent.PathSync:
		s.sealed(w, r, body)
	default:
		s.file(w, r)
	}
}

// refuse is a refusal in clear.
func refuse(w http.ResponseWriter, status int, state, text string) {
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	reply(w, status, agent.Refusal{Error: text, State: state})
}

func reply(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"no JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	write(w, status, b)
}

func write(w http.ResponseWriter, status int, b []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // who is gone says hello again
}

// join gives a key to who has none.
func (s *Server) join(w http.ResponseWriter, body []byte) {
	j, pub, err := agent.ParseJoin(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, agent.StateRequest, err.Error())
		return
	}
	id := "roost-" + j.MAC
	if t := s.Thing(id); t != nil && t.approved() {
		refuse(w, http.StatusConflict, agent.StateEnrolled, "A thing of this MAC is enrolled already.")
		return
	}
	pair, err := agent.NewPair()
	if err != nil {
		refuse(w, http.StatusInternalServerError, agent.StateLater, err.Error())
		return
	}
	key, err := agent.JoinKey(pair, pub, pair.PublicKey().Bytes())
	if err != nil {
		refuse(w, http.StatusBadRequest, agent.StateRequest, err.Error())
		return
	}
	s.mu.Lock()
	s.things[id] = newThing(s, id, key, s.config.Open)
	s.mu.Unlock()
	reply(w, http.StatusOK, agent.JoinAnswer{
		ID: id, Pub: hex.EncodeToString(pair.PublicKey().Bytes()), MAC: hex.EncodeToString(key.JoinMAC(id)),
	})
}

// known finds who says hello or asks for the time.
func (s *Server) known(w http.ResponseWriter, body []byte) (*Thing, agent.Nonce, bool) {
	h, nonce, err := agent.ParseHello(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, agent.StateRequest, err.Error())
		return nil, nonce, false
	}
	t := s.Thing(h.ID)
	if t == nil {
		refuse(w, http.StatusNotFound, agent.StateUnknown, "Nobody of this id is known.")
		return nil, nonce, false
	}
	return t, nonce, true
}

func (s *Server) hello(w http.ResponseWriter, body []byte) {
	t, nonce, ok := s.known(w, body)
	if !ok {
		return
	}
	if !t.approved() {
		refuse(w, http.StatusForbidden, agent.StateWaiting, "A person has to approve this thing.")
		return
	}
	own, id, now := agent.NewNonce(), agent.NewSessionID(), s.config.Now().UnixMilli()
	key := t.key()
	s.mu.Lock()
	s.sessions[id] = &session{Session: agent.NewSession(key, nonce, own, id), thing: t}
	if t.sessions = append(t.sessions, id); len(t.sessions) > mostSessions {
		delete(s.sessions, t.sessions[0])
		t.sessions = t.sessions[1:]
	}
	s.mu.Unlock()
	t.change(func() { t.view.Hellos++ })
	reply(w, http.StatusOK, agent.HelloAnswer{
		Session: id.String(), Nonce: hex.EncodeToString(own[:]), Now: now,
		MAC: hex.EncodeToString(key.HelloMAC(nonce, own, id, now)),
	})
}

func (s *Server) time(w http.ResponseWriter, body []byte) {
	t, nonce, ok := s.known(w, body)
	if !ok {
		return
	}
	now := s.config.Now().UnixMilli()
	reply(w, http.StatusOK, agent.TimeAnswer{Now: now, MAC: hex.EncodeToString(t.key().TimeMAC(nonce, now))})
}

// take finds the session and takes the counter, once.
func (s *Server) take(id agent.SessionID, verify func(*session) (counter uint32, ok bool)) (*session, uint32, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.sessions[id]
	if x == nil {
		return nil, 0, false
	}
	counter, ok := verify(x)
	return x, counter, ok && x.window.Take(counter)
}
