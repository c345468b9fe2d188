package pyaiot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost/internal/roomtest"
)

// actor is one recorded connection, played again.
type actor struct {
	name     string
	gateway  bool
	peer     *roomtest.Peer
	said     bool           // the first message: a legacy gateway's token, a client's announcement
	token    string         // that of a legacy gateway
	since    map[string]int // by uid: how often the node had come online before a client announced itself
	recorded []string       // what the real broker sent it
	id       string         // recorded id of a client
	closed   string         // what the real broker's close frame said, if it closed first
	left     bool           // it closed first

	mu   sync.Mutex
	got  []string
	end  string
	done chan struct{}
	ids  map[string]bool // our ids of a client: what its blocks are addressed to
}

// enter opens a connection with the recorded handshake, token included.
func (s *stage) enter(l line, from string) {
	path := strings.Fields(l.Head[0])[1]
	a := &actor{name: l.Conn, gateway: path == "/gw", done: make(chan struct{}), ids: map[string]bool{}}
	s.actors[l.Conn] = a
	s.order = append(s.order, l.Conn)
	var protocols []string
	for _, h := range l.Head[1:] {
		if name, value, _ := strings.Cut(h, ": "); strings.EqualFold(name, protocolHeader) {
			protocols = strings.Split(value, ",")
		}
	}
	ctx, stop := roomtest.Soon()
	defer stop()
	conn, resp, err := websocket.Dial(ctx, s.h.url+path, &websocket.DialOptions{Subprotocols: protocols})
	if resp != nil {
		a.end = resp.Status
	}
	if err != nil && (resp == nil || resp.StatusCode != 101) {
		return
	}
	if err != nil {
		s.t.Fatalf("%s: %v", l.Conn, err)
	}
	conn.SetReadLimit(-1)
	a.peer = roomtest.NewPeer(s.t, conn)
	s.t.Cleanup(func() { _ = conn.CloseNow(); <-a.done })
	go a.listen()
}

func (a *actor) listen() {
	defer close(a.done)
	for {
		_, b, err := a.peer.Conn.Read(context.Background())
		a.mu.Lock()
		if err == nil {
			a.got = append(a.got, string(b))
			a.mu.Unlock()
			continue
		}
		a.end = "gone"
		if closed, ok := errors.AsType[websocket.CloseError](err); ok {
			a.end = fmt.Sprint(int(closed.Code), " ", closed.Reason)
		}
		a.mu.Unlock()
		return
	}
}

func (a *actor) leave(l line) {
	a.left = true
	code := websocket.StatusNormalClosure
	if l.Code != nil {
		code = websocket.StatusCode(*l.Code)
	}
	_ = a.peer.Conn.Close(code, "")
	<-a.done
}

// settle waits until the broker has worked on all that was sent to it: each
// connection answers two pings (the second one after its values went to the rooms),
// lost gateways have let their nodes go, and each client has seen a fence pass.
func (s *stage) settle() {
	ctx, stop := roomtest.Soon()
	defer stop()
	for _, a := range s.actors {
		for range 2 {
			if a.peer != nil {
				_ = a.peer.Conn.Ping(ctx) // closed ones have nothing to wait for
			}
		}
	}
	roomtest.Eventually(s.t, "lost gateways are forgotten", func() bool {
		s.h.door.mu.Lock()
		defer s.h.door.mu.Unlock()
		for _, n := range s.h.door.nodes {
			if len(n.owners) == 0 {
				return false
			}
		}
		return len(s.h.door.gateways.conns) == s.living(true)+1 && len(s.h.door.clients.conns) == s.living(false)
	})
	s.fences++
	uid := fmt.Sprint("fence-", s.fences)
	s.fencer.Send(`{"type": "new", "uid": "` + uid + `", "dst": "all"}`)
	s.fencer.Send(`{"type": "out", "uid": "` + uid + `"}`)
	for _, a := range s.actors {
		if a.gateway || !a.said || a.peer == nil {
			continue
		}
		roomtest.Eventually(s.t, "the fence passes "+a.name, func() bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			return a.end != "" && !strings.HasPrefix(a.end, "101") || slices.Contains(a.got, `{"type": "out", "uid": "`+uid+`"}`)
		})
	}
	for _, a := range s.actors {
		a.mu.Lock()
		a.got = slices.DeleteFunc(a.got, func(m string) bool { return strings.Contains(m, `"fence-`) })
		a.mu.Unlock()
	}
}

func (s *stage) living(gateways bool) (n int) {
	for _, a := range s.actors {
		if a.peer == nil || a.gateway != gateways {
			continue
		}
		select {
		case <-a.done:
		default:
			n++
		}
	}
	return n
}
