package device_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/roost-iot/roost/wire/agent"
)

// What the runtime seals Go opens, and the other way round.
func TestFramesAreThoseOfGo(t *testing.T) {
	key, own, theirs, id := agent.NewKey(), agent.NewNonce(), agent.NewNonce(), agent.NewSessionID()
	s := agent.NewSession(key, own, theirs, id)
	up, plain := bytes.Repeat([]byte(`{"q":[]} `), 70), bytes.Repeat([]byte(`{"now":1}`), 60)
	const now = 1_795_240_653_123
	in, err := json.Marshal(map[string]any{
		"key": key.String(), "own": hex.EncodeToString(own[:]), "theirs": hex.EncodeToString(theirs[:]), "session": id.String(), "now": now,
		"up": hex.EncodeToString(up), "plain": hex.EncodeToString(plain), "down": hex.EncodeToString(s.SealDown(agent.PathSync, 1, plain)),
	})
	if err != nil {
		t.Fatal(err)
	}
	coreScripts(t, "frames.py", map[string]string{"in.json": string(in)}, func(t *testing.T, printed string) {
		var out struct{ Hello, Up, File, Whole string }
		if err := json.Unmarshal([]byte(printed), &out); err != nil {
			t.Fatalf("it printed %s", printed)
		}
		if !agent.MACText(out.Hello, key.HelloMAC(own, theirs, id, now)) {
			t.Error("another MAC of hello")
		}
		frame, _ := hex.DecodeString(out.Up)
		if n, got, err := s.OpenUp(agent.PathSync, frame); err != nil || n != 1 || !bytes.Equal(got, up) {
			t.Errorf("the frame opens to %q, %d, %v", got, n, err)
		}
		path := "/d/1/files/" + string(bytes.Repeat([]byte("ab"), 32))
		if want := s.AuthorizeFile(path, "bytes=512-", 2); out.File != want {
			t.Errorf("authorised by %q, want %q", out.File, want)
		}
		if want := s.AuthorizeFile(path, "", 3); out.Whole != want {
			t.Errorf("authorised by %q, want %q", out.Whole, want)
		}
	})
}
