package e2e

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// wsNode is a WebSocket node with an LED: it answers discovery and confirms what is set.
type wsNode struct {
	*socket
	done chan struct{}
}

// node brings a WebSocket node in and lets it live until its connection ends.
func (s *server) node(id string) *wsNode {
	s.t.Helper()
	n := &wsNode{s.dial("/node?id="+id, nil), make(chan struct{})}
	go n.live()
	s.t.Cleanup(func() { _ = n.conn.CloseNow(); <-n.done }) // may be closed already
	return n
}

func (n *wsNode) live() {
	defer close(n.done)
	for {
		_, raw, err := n.conn.Read(context.Background())
		if err != nil {
			return
		}
		var m struct{ Request, Endpoint, Payload string }
		if json.Unmarshal(raw, &m) != nil {
			continue
		}
		if m.Request == "discover" {
			err = n.tell(map[string]string{"led": "0", "temperature": "20.0°C"})
		} else {
			err = n.tell(map[string]string{m.Endpoint: m.Payload})
		}
		if err != nil {
			return
		}
	}
}

func (n *wsNode) tell(values map[string]string) error {
	raw, err := json.Marshal(map[string]any{"type": "update", "data": values})
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	return n.conn.Write(ctx, websocket.MessageText, raw)
}

// approve lets a thing in as soon as it waits, by the API.
func (s *server) approve(id string) {
	s.t.Helper()
	s.awaitState(id, "waiting")
	s.call("POST", "/things/"+id+"/approve", nil, nil)
	s.awaitState(id, "enrolled")
}

func TestWebSocketNodeAndAPerson(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"))
	n := s.node("attic")
	s.approve("attic")
	s.awaitValue("attic", "led", `"0"`)
	s.confirm("attic", "led", "1")
	s.awaitValue("attic", "led", `"1"`)
	if err := n.tell(map[string]string{"temperature": "21.0°C"}); err != nil {
		t.Fatal(err)
	}
	s.awaitValue("attic", "temperature", `"21.0°C"`)
	s.call("PATCH", "/things/attic", map[string]any{"name": "Attic", "tags": []string{"roof"}}, nil)
	if h, _ := s.thing("attic"); h.Name != "Attic" {
		t.Errorf("its name is %q", h.Name)
	}
	if err := n.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is offline", func() bool { h, _ := s.thing("attic"); return !h.Online })
	s.endsWell()
}

func TestTermTellsEveryPeerAndIsQuick(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "open", "--pyaiot-clients", "open")
	gw, page, node := s.gateway(), s.page(""), s.dial("/node?id=n1", nil)
	stream := s.dial("/api/v2/stream?access_token="+s.token, nil)
	stream.write(`{"subscribe":{}}`)
	stream.until(`"hello"`)
	gw.write(`{"type": "new", "uid": "g1", "dst": "all"}`)
	page.until(`"uid": "g1"`)
	s.awaitState("n1", "enrolled")
	codes := make(chan websocket.StatusCode, 4)
	for _, p := range []*socket{gw, page, node, stream} {
		go func() { codes <- p.closed() }()
	}
	began := time.Now()
	s.endsWell()
	for range cap(codes) {
		if code := <-codes; code != websocket.StatusGoingAway {
			t.Errorf("a peer saw close code %d, want 1001", code)
		}
	}
	t.Logf("ended in %v", time.Since(began))
}
