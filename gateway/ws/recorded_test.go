package ws

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
)

// TestRecordedSessionOf2019 plays the WebSocket node of a recorded run with the real
// gateway and broker of April 2019: it says what it said, and must get what it got;
// what the gateway told its broker of it is what our web client must see. What differs:
// the node's uid is its id here and was random there, so the last values of a node that
// comes back stand behind its new; keep-alives and answers to single clients are no
// business of a node's.
func TestRecordedSessionOf2019(t *testing.T) {
	h := build(t, registry.EnrolOpen, nil)
	client := h.client()
	var node *roomtest.Peer
	uid := "" // the recorded one
	known := map[string]string{}
	remembered := map[string]bool{} // may come once more, behind the new of a node that was here before
	for _, l := range recorded(t) {
		switch isNode := strings.HasPrefix(l.Conn, "ws-gateway~"); {
		case isNode && l.Ev == "http" && l.Dir == "ws-node>ws-gateway":
			node = h.dial("/node?id=n1", nil)
		case isNode && l.Op == "text" && l.Dir == "ws-node>ws-gateway":
			node.Send(l.Data)
		case isNode && l.Op == "text":
			node.Want(l.Data)
		case isNode && l.Op == "close" && l.Dir == "ws-node>ws-gateway", isNode && l.Ev == "tcp":
			_ = node.Conn.CloseNow() // the recording tells both ends of it
		case l.Op == "text" && l.Dir == "broker>ws-gateway" && strings.Contains(l.Data, `"uid": "`+uid+`"`):
			client.Send(strings.Replace(strings.Replace(l.Data, uid, "n1", 1), `, "src"`, `, "ignored"`, 1))
		case l.Op == "text" && l.Dir == "ws-gateway>broker" && !strings.HasPrefix(l.Data, "gAAAA"):
			var m struct{ Type, UID, Endpoint, Dst string }
			if err := json.Unmarshal([]byte(l.Data), &m); err != nil {
				t.Fatal(err)
			}
			if m.UID == "alive" || m.Dst != "" && m.Dst != "all" {
				continue
			}
			uid = m.UID
			text := strings.Replace(l.Data, uid, "n1", 1)
			for got := client.Next(); got != text; got = client.Next() {
				if !remembered[got] {
					t.Fatalf("got  %s\nwant %s", got, text)
				}
				delete(remembered, got)
			}
			switch m.Type {
			case "update":
				known[m.Endpoint] = text
			case "new":
				for _, text := range known {
					remembered[text] = true
				}
			}
		}
	}
	if len(known) != 5 {
		t.Errorf("the recording gave %d resources", len(known))
	}
}

type line struct{ Ev, Conn, Dir, Op, Data string }

func recorded(t *testing.T) (lines []line) {
	t.Helper()
	f, err := os.Open("testdata/session-2019.jsonl")
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
