package agent_test

import (
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/roost-iot/roost/wire/agent"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func FuzzParseSync(f *testing.F) {
	f.Add([]byte(`{"boot":"00112233","up":1,"wait":25,"q":[[1,"tele",{"t":nan}],[2,"msg",{}],[3,"log",["info","x","y"]]],"again":1,"ack":[{"id":"a","ok":true,"body":1}],"st":{"worker":{"ok":true,"text":""}}}`))
	f.Add([]byte(`{"boot":"00112233","slots":{"os":{"run":"_a","bad":["1"]}},"upd":{"kind":"app","ver":"1","state":"fetching","done":1,"of":2}}`))
	f.Add([]byte(`{"boot":"00112233","q":[[1,"tele",{"a":-inf,"b":"\"nan"}],[2],[3,4,5]]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := agent.ParseSync(b)
		if err != nil {
			return
		}
		for i := range s.Queue {
			if e := &s.Queue[i]; e.Fault == "" {
				_, _ = e.Values()
				_, _, _, _ = e.Line()
			} else {
				return // is not written as it came
			}
		}
		out, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("%q was read, and cannot be written: %v", b, err)
		}
		if again, err := agent.ParseSync(out); err != nil && len(out) <= agent.MaxBody {
			t.Errorf("%q came back as %+v, %v", out, again, err)
		}
	})
}

func FuzzParseRegister(f *testing.F) {
	f.Add([]byte(`{"boot":"00112233","mpy":6,"max":4096,"slots":{"os":{"run":"_a","ver":"1","try":2,"bad":["0"],"n":3,"from":"slot"}},"meta":{"a":[nan]},"resources":[{"name":"led","set":true}],"files":{"a":"b"},"crash":{"part":"app","text":"x"},"done":["x"]}`))
	f.Add([]byte(`{"boot":"00112233","crash":null,"meta":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := agent.ParseRegister(b); err == nil {
			if _, err := json.Marshal(r); err != nil {
				t.Errorf("%q was read, and cannot be written: %v", b, err)
			}
		}
	})
}

func FuzzOpenUp(f *testing.F) {
	s := session(f)
	f.Add(s.SealUp(agent.PathSync, 3, []byte("{}")))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, b []byte) {
		counter, plain, err := s.OpenUp(agent.PathSync, b)
		if err == nil && string(s.SealUp(agent.PathSync, counter, plain)) != string(b) {
			t.Errorf("%x was read, and comes out another", b)
		}
	})
}

func FuzzSmallTexts(f *testing.F) {
	f.Add(`{"kind":"app","ver":"1","seq":1,"files":{"app.py":[1,"0000000000000000000000000000000000000000000000000000000000000000"]}}`)
	f.Add(`{"for":"x","n":1,"use":["a"]}`)
	f.Add(`{"id":"x","nonce":"00000000000000000000000000000000"}`)
	f.Add(`{"mac":"28cdc1010203","pub":"07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c","platform":"esp32"}`)
	f.Add(`Roost 0102030405060708.7.00000000000000000000000000000000`)
	f.Add("bytes=7-")
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := agent.ParseRelease(text); err == nil {
			again, err := agent.Text(r)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := agent.ParseRelease(again); err != nil {
				t.Errorf("%q came back as %q: %v", text, again, err)
			}
		}
		_, _ = agent.ParseEnvelope(text)
		_, _, _ = agent.ParseHello([]byte(text))
		_, _, _ = agent.ParseJoin([]byte(text))
		_, _ = agent.ParseAnswer([]byte(text))
		_, _ = agent.ParseFileClaim(text)
		_, _ = agent.ParseRange(text)
	})
}
