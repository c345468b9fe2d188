package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestApproveDeleteAndCommandAtOnce(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"), "--log-level", "warn")
	for round := range 20 {
		id := fmt.Sprintf("torn-%d", round)
		n := s.dial("/node?id="+id, nil)
		s.awaitState(id, "waiting")
		var acts sync.WaitGroup
		for _, act := range []struct {
			method, path string
			body         any
		}{
			{"POST", "/approve", nil},
			{"DELETE", "", nil},
			{"POST", "/ignore", nil},
			{"POST", "/commands", map[string]any{"resource": "led", "value": "1"}},
			{"PATCH", "", map[string]any{"name": "Torn"}},
			{"POST", "/approve", nil},
			{"DELETE", "", nil},
		} {
			acts.Go(func() {
				status, text, err := s.ask(act.method, "/things/"+id+act.path, act.body)
				if err != nil || status >= 500 {
					t.Errorf("%s %s: %d %v %s", act.method, act.path, status, err, text)
				}
			})
		}
		acts.Wait()
		s.ask("DELETE", "/things/"+id, nil)
		_ = n.conn.CloseNow() // it may be closed already
	}
	n := s.node("sound")
	s.approve("sound")
	s.awaitValue("sound", "led", `"0"`)
	s.confirm("sound", "led", "1")
	_ = n.conn.CloseNow() // the server ends next
	s.endsWell()
}

func TestNodeThatReconnectsAThousandTimes(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "open", "--log-level", "warn")
	first := s.dial("/node?id=flappy", nil)
	s.awaitState("flappy", "enrolled")
	before := s.goroutines()
	for i := range 1000 {
		conn, _, err := websocket.Dial(t.Context(), "ws://"+s.http+"/node?id=flappy", nil)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		if i%2 == 0 {
			_ = conn.CloseNow() // as a node does that loses power
		} else {
			go func() { _ = conn.Close(websocket.StatusNormalClosure, "") }() // while the next one comes
		}
	}
	_ = first.conn.CloseNow() // replaced long ago
	n := s.node("flappy")
	s.awaitValue("flappy", "led", `"0"`)
	eventually(t, "the last connection takes commands", func() bool {
		c := s.send("flappy", "led", "7")
		for range 100 {
			if s.call("GET", "/commands/"+c.ID, nil, &c); c.State == "done" {
				return true
			}
			if c.State == "failed" {
				return false
			}
		}
		return false
	})
	eventually(t, "no goroutines are left behind", func() bool { return s.goroutines() < before+30 })
	if err := n.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is offline", func() bool { h, _ := s.thing("flappy"); return !h.Online })
	s.endsWell()
}

func (s *server) goroutines() int {
	s.t.Helper()
	var system struct{ Goroutines int }
	s.call("GET", "/system", nil, &system)
	return system.Goroutines
}

func TestTwoGatewaysClaimOneNode(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "open", "--pyaiot-clients", "open")
	one, two := s.gateway(), s.gateway()
	var both sync.WaitGroup
	for i, gw := range []*socket{one, two} {
		both.Go(func() {
			for i := range 200 {
				gw.write(`{"type": "new", "uid": "both", "dst": "all"}`)
				gw.write(fmt.Sprintf(`{"type": "update", "uid": "both", "endpoint": "count", "data": "%d", "dst": "all"}`, i))
				if i%7 == 0 {
					gw.write(`{"type": "out", "uid": "both"}`)
				}
			}
			gw.write(`{"type": "new", "uid": "both", "dst": "all"}`)
			gw.write(`{"type": "update", "uid": "both", "endpoint": "led", "data": "0", "dst": "all"}`)
			gw.write(fmt.Sprintf(`{"type": "update", "uid": "both", "endpoint": "said-%d", "data": "all", "dst": "all"}`, i))
		})
	}
	both.Wait()
	s.awaitValue("both", "said-0", `"all"`)
	s.awaitValue("both", "said-1", `"all"`)
	s.awaitValue("both", "led", `"0"`)
	if err := one.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	c := s.send("both", "led", "1")
	two.until(`"both"`, `"led"`, `"1"`)
	two.write(`{"type": "update", "uid": "both", "endpoint": "led", "data": "1", "dst": "all"}`)
	s.awaitCommand(c.ID, "done")
	if h, _ := s.thing("both"); !h.Online {
		t.Error("it is offline though one gateway has it")
	}
	s.endsWell()
}

func TestLargeThingsAndAPageThatNeverReads(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "open", "--pyaiot-clients", "open", "--log-level", "warn")
	deaf := s.page("")
	silent := s.dial("/api/v2/stream?access_token="+s.token, nil)
	silent.write(`{"subscribe":{}}`)
	before := s.memory()
	n := s.node("wide")
	values := map[string]string{}
	for i := range 300 {
		values[fmt.Sprintf("resource-%d", i)] = fmt.Sprint(i)
	}
	s.awaitValue("wide", "led", `"0"`)
	if err := n.tell(map[string]string{"text": ""}); err != nil {
		t.Fatal(err)
	}
	if err := n.tell(values); err != nil {
		t.Fatal(err)
	}
	eventually(t, "256 of its resources are kept", func() bool { h, _ := s.thing("wide"); return len(h.Resources) == 256 })
	big := strings.Repeat("w", 60_000)
	began := time.Now()
	for i := range 500 {
		if err := n.tell(map[string]string{"led": fmt.Sprint(i), "text": big[:i*120]}); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	s.awaitValue("wide", "led", `"499"`)
	t.Logf("500 messages of up to 60 kB took %v; memory %d -> %d MiB", time.Since(began), before>>20, s.memory()>>20)
	if after := s.memory(); after > before+400<<20 {
		t.Errorf("memory grew from %d to %d MiB", before>>20, after>>20)
	}
	s.confirm("wide", "led", "9")
	_ = deaf.conn.CloseNow()   // it was cut, or never read that it was
	_ = silent.conn.CloseNow() // as above
	s.endsWell()
}

func TestCommandsToAThingThatLeftAndAcrossARestart(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, data, "--enrol", "open")
	n := s.node("leaver")
	s.awaitValue("leaver", "led", `"0"`)
	if err := n.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	c := s.awaitCommand(s.send("leaver", "led", "5").ID, "failed")
	if c.Error != "The thing is not connected." {
		t.Errorf("the command failed with %q", c.Error)
	}
	mute := s.dial("/node?id=mute", nil) // takes commands and does not confirm
	mute.until("discover")
	s.call("POST", "/things/mute/commands", map[string]any{"resource": "led", "value": "5", "expires_in": 600}, &c)
	mute.until(`"led"`)
	s.awaitCommand(c.ID, "sent")
	s.endsWell()
	s = start(t, data, "--enrol", "open")
	if s.call("GET", "/commands/"+c.ID, nil, &c); c.State != "sent" {
		t.Fatalf("after the restart the command is %s: %s", c.State, c.Error)
	}
	mute = s.dial("/node?id=mute", nil)
	mute.write(`{"type": "update", "data": {"led": "5"}}`)
	s.awaitCommand(c.ID, "done")
	s.endsWell()
}
