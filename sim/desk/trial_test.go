package desk

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/wire/agent"
)

func TestATrialThatHasEndedTakesNoOtherFiles(t *testing.T) {
	need(t)
	trial, err := NewTrial(TrialConfig{Files: map[string]string{"app.py": blink}})
	if err != nil {
		t.Fatal(err)
	}
	trial.Close()
	board := trial.Board()
	err = trial.Files(map[string]string{"app.py": blink})
	if roost.KindOf(err) != roost.NotFound {
		t.Errorf("other files after the end: %v", err)
	}
	if now := trial.Board(); now != board {
		_ = now.Stop() // it would run on for ever
		t.Error("another board was switched on")
	}
}

func TestOtherFilesEndWhatWasAskedOfAStuckBoard(t *testing.T) {
	need(t)
	trial, err := NewTrial(TrialConfig{Files: map[string]string{"app.py": "while True: pass\n"}})
	if err != nil {
		t.Fatal(err)
	}
	defer trial.Close()
	thing, over := trial.Board().Thing(), make(chan error, 1)
	go func() {
		_, err := trial.Message(t.Context(), `1`)
		over <- err
	}()
	for asked := false; !asked; {
		thing.mu.Lock()
		asked = len(thing.commands) > 0
		changed := thing.changed
		thing.mu.Unlock()
		if !asked {
			<-changed
		}
	}
	if err := trial.Files(map[string]string{"app.py": blink}); err != nil {
		t.Fatal(err)
	}
	if err := <-over; roost.KindOf(err) != roost.Conflict {
		t.Errorf("the message ended with %v", err)
	}
	if n := len(trial.server.Things()); n != 1 {
		t.Errorf("%d boards are known", n)
	}
}

func TestWhatIsAskedOfABoardThatIsOffIsAnswered(t *testing.T) {
	s := NewServer(ServerConfig{})
	defer s.Close()
	thing := s.Enrol("", agent.Key{})
	s.drop(thing)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if ack, err := thing.Send(ctx, "message", 1); err != nil || ack.OK {
		t.Errorf("answered %+v, %v", ack, err)
	}
}

func TestAThingThatSaysHelloAgainAndAgainHasFewSessions(t *testing.T) {
	s := NewServer(ServerConfig{})
	defer s.Close()
	thing := s.Enrol("", agent.Key{})
	c := &Client{URL: URL, ID: thing.ID, Key: thing.Key(), HTTP: &http.Client{Transport: &http.Transport{DialContext: s.Dial, DisableKeepAlives: true}}}
	for range 3 * mostSessions {
		if err := c.Hello(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.mu.Lock()
	n := len(s.sessions)
	s.mu.Unlock()
	if n != mostSessions {
		t.Errorf("%d sessions are kept", n)
	}
	if _, err := c.Register(t.Context(), agent.Register{Boot: "00000001", MAC: "28cdc1010203", Platform: "esp32", Profile: "full", Max: 4096}); err != nil {
		t.Errorf("the last one is refused: %v", err)
	}
}

func TestThePrintsOfALoopCostWhatTheyAreLong(t *testing.T) {
	b := &Board{}
	b.print(strings.Repeat("x", 2*mostConsole))
	line := strings.Repeat("y", 20)
	n := testing.AllocsPerRun(1000, func() { b.print(line) })
	if n > 0 {
		t.Errorf("%v allocations for a line", n)
	}
	b.print(strings.Repeat("z", mostConsole+1))
	if got := b.Console(); got != strings.Repeat("z", mostConsole) {
		t.Errorf("%d bytes are kept, from %.5q to %.5q", len(got), got, got[len(got)-5:])
	}
}
