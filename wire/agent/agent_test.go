package agent_test

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roost-iot/roost/wire/agent"
)

// session is one that both ends have.
func session(t testing.TB) *agent.Session {
	t.Helper()
	return agent.NewSession(agent.Key{1}, agent.Nonce{2}, agent.Nonce{3}, agent.SessionID{4})
}

func TestFrameIsReadByItsOwnKeyPathAndDirectionOnly(t *testing.T) {
	s, other := session(t), agent.NewSession(agent.Key{9}, agent.Nonce{2}, agent.Nonce{3}, agent.SessionID{4})
	frame := s.SealUp(agent.PathSync, 7, []byte("hello"))
	if n, plain, err := s.OpenUp(agent.PathSync, frame); err != nil || n != 7 || string(plain) != "hello" {
		t.Fatalf("%d %q %v", n, plain, err)
	}
	for name, open := range map[string]func() error{
		"another key":       func() error { _, _, err := other.OpenUp(agent.PathSync, frame); return err },
		"another path":      func() error { _, _, err := s.OpenUp(agent.PathRegister, frame); return err },
		"another direction": func() error { _, _, err := s.OpenDown(agent.PathSync, frame); return err },
	} {
		if err := open(); !errors.Is(err, agent.ErrTag) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range frame {
		altered := append([]byte(nil), frame...)
		altered[i] ^= 1
		if _, _, err := s.OpenUp(agent.PathSync, altered); err == nil {
			t.Errorf("byte %d was altered, and the frame was read", i)
		}
	}
	if _, _, err := s.OpenUp(agent.PathSync, frame[:agent.Overhead-1]); !errors.Is(err, agent.ErrFrame) {
		t.Errorf("a short frame: %v", err)
	}
}

func TestEachCounterIsTakenOnceAndOutOfOrderBy64(t *testing.T) {
	var w agent.Window
	for _, step := range []struct {
		counter uint32
		taken   bool
	}{
		{0, false},
		{1, true},
		{1, false},
		{3, true},
		{2, true},
		{2, false},
		{70, true},
		{7, true},
		{6, false},
		{7, false},
		{69, true},
		{1 << 31, true},
		{1<<31 - 63, true},
		{1<<31 - 64, false},
		{70, false},
		{1<<32 - 1, true},
		{1<<32 - 1, false},
		{1<<32 - 2, true},
	} {
		if got := w.Take(step.counter); got != step.taken {
			t.Errorf("counter %d: %v", step.counter, got)
		}
	}
}

func TestFileIsGivenToWhoAskedForIt(t *testing.T) {
	s := session(t)
	path := agent.PathFiles + strings.Repeat("ab", 32)
	c, err := agent.ParseFileClaim(s.AuthorizeFile(path, "bytes=10-", 4294967295))
	if err != nil || c.Counter != 4294967295 || c.Session != s.ID {
		t.Fatalf("%+v %v", c, err)
	}
	if !s.Authorizes(c, path, "bytes=10-") {
		t.Error("the claim does not hold")
	}
	if s.Authorizes(c, path, "") || s.Authorizes(c, path+"0", "bytes=10-") {
		t.Error("the claim holds for something else")
	}
	for _, header := range []string{
		"", "Roost", "Roost ", "Bearer 00", "Roost 0102030405060708.1", "Roost 0102030405060708.-1." + strings.Repeat("0", 32),
		"Roost 0102030405060708.+1." + strings.Repeat("0", 32), "Roost 0102030405060708.4294967296." + strings.Repeat("0", 32),
		"Roost zz02030405060708.1." + strings.Repeat("0", 32), "Roost 0102030405060708.1." + strings.Repeat("z", 32),
	} {
		if _, err := agent.ParseFileClaim(header); !errors.Is(err, agent.ErrAuthorization) {
			t.Errorf("%q: %v", header, err)
		}
	}
}

func TestRangesThatThingsAskFor(t *testing.T) {
	for header, want := range map[string]int64{"": 0, "bytes=0-": 0, "bytes=4096-": 4096} {
		if from, ok := agent.ParseRange(header); !ok || from != want {
			t.Errorf("%q: %d %v", header, from, ok)
		}
	}
	for _, header := range []string{"bytes=-5", "bytes=1-2", "bytes=", "bytes=-", "bytes=1-,2-", "bytes=9999999999999999-", "lines=1-", "bytes=+1-"} {
		if _, ok := agent.ParseRange(header); ok {
			t.Errorf("%q was taken", header)
		}
	}
}

func TestJoiningGivesBothTheSameKeyAndProvesIt(t *testing.T) {
	thing, err := agent.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	server, err := agent.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	k, err := agent.JoinKey(server, thing.PublicKey().Bytes(), server.PublicKey().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	a := agent.JoinAnswer{ID: "roost-28cdc1010203", Pub: hexOf(server.PublicKey().Bytes()), MAC: hexOf(k.JoinMAC("roost-28cdc1010203"))}
	if got, err := a.Accept(thing); err != nil || got != k {
		t.Errorf("%v %v", got, err)
	}
	a.ID = "another"
	if _, err := a.Accept(thing); !errors.Is(err, agent.ErrTag) {
		t.Errorf("another id: %v", err)
	}
	if _, err := agent.JoinKey(server, make([]byte, 32), server.PublicKey().Bytes()); err == nil {
		t.Error("a key of zeros was agreed on")
	}
}

func TestHelloIsProvedByWhoHasTheKey(t *testing.T) {
	k, own, server, id := agent.NewKey(), agent.NewNonce(), agent.NewNonce(), agent.NewSessionID()
	a := agent.HelloAnswer{Session: id.String(), Nonce: hexOf(server[:]), Now: 5, MAC: hexOf(k.HelloMAC(own, server, id, 5))}
	s, err := a.Accept(k, own)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := agent.NewSession(k, own, server, id).OpenUp(agent.PathSync, s.SealUp(agent.PathSync, 1, nil)); err != nil {
		t.Error(err)
	}
	a.Now = 6
	if _, err := a.Accept(k, own); !errors.Is(err, agent.ErrTag) {
		t.Errorf("another time: %v", err)
	}
}

func TestQueueKeepsWhatIsGood(t *testing.T) {
	s, err := agent.ParseSync([]byte(`{"boot":"00112233","wait":99,"q":[[1,"tele",{"t":21.5,"bad":nan,"low":-inf,"l":[1],"n":null,"on":true,"s":"nan"}],
		[2,"msg",[nan]],[3,"log",["info","up"]],[4,"log",["loud","up"]],[5,"noise",1],[6],[7,"tele",3]],"again":2}`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Wait != agent.MaxWait || s.Again != 2 || len(s.Queue) != 7 {
		t.Fatalf("%+v", s)
	}
	values, _ := s.Queue[0].Values()
	want := []agent.Pair{{Name: "t", Value: "21.5"}, {Name: "on", Value: "true"}, {Name: "s", Value: `"nan"`}}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Error(diff)
	}
	if s.Queue[1].Body != "[null]" {
		t.Errorf("the message is %s", s.Queue[1].Body)
	}
	for i, bad := range []bool{false, false, false, true, true, true, true} {
		if (s.Queue[i].Fault != "") != bad {
			t.Errorf("entry %d: %+v", i, s.Queue[i])
		}
	}
}

func TestWhatIsNoSyncIsRefused(t *testing.T) {
	for _, body := range []string{
		"", "{}", "null", "[]", `{"boot":"0011223"}`, `{"boot":"00112233","q":[[0,"msg",1]]}`, `{"boot":"00112233","q":[["x"]]}`,
		`{"boot":"00112233","q":[[2,"msg",1],[2,"msg",1]]}`, `{"boot":"00112233","again":1}`, `{"boot":"00112233","q":[[]]}`,
		`{"boot":"00112233","os":"` + strings.Repeat("x", 300) + `"}`, `{"boot":"00112233","upd":{"done":-1}}`,
		`{"boot":"00112233","q":[` + strings.Repeat(`[1,"msg",1],`, 300) + `[2,"msg",1]]}`,
		`{"boot":"00112233","q":[[1,"msg","` + strings.Repeat("x", agent.MaxBody) + `"]]}`,
	} {
		if _, err := agent.ParseSync([]byte(body)); !errors.Is(err, agent.ErrMessage) {
			t.Errorf("%.80s: %v", body, err)
		}
	}
}

func TestRegistrationIsBounded(t *testing.T) {
	r, err := agent.ParseRegister([]byte(`{"boot":"00112233","meta":[1],"crash":{"part":"app","ver":"1","text":"` + strings.Repeat("x", 9000) + `!","at":0},"slots":{"app":{"run":"_p","ver":"1","bad":["0"],"n":17}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if r.Meta != "" || len(r.Crash.Text) != 8<<10 || !strings.HasSuffix(r.Crash.Text, "!") || r.Slots.App.N != 17 {
		t.Errorf("%+v", r)
	}
	for _, body := range []string{
		`{"boot":"x"}`, `{"boot":"00112233","mpy":300}`, `{"boot":"00112233","resources":[{"name":""}]}`, `{"boot":"00112233","slots":{"os":{"n":-1}}}`,
		`{"boot":"00112233","files":{"` + strings.Repeat("x", 300) + `":""}}`, `{"boot":"00112233","mem":-1}`,
	} {
		if _, err := agent.ParseRegister([]byte(body)); !errors.Is(err, agent.ErrMessage) {
			t.Errorf("%.80s: %v", body, err)
		}
	}
}

func TestReleaseIsReadAsItWasSigned(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := agent.Text(agent.Release{Kind: agent.KindApp, Ver: "1", Seq: 2, Down: true, Files: map[string]agent.File{"app.py": agent.FileOf([]byte("x")), "a/b.py": agent.FileOf(nil)}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := agent.ParseRelease(text)
	if err != nil || r.Files["app.py"].Size != 1 || !r.Down {
		t.Errorf("%+v %v", r, err)
	}
	sig := agent.Sign(private, text)
	if !agent.Signed(public, text, sig) || agent.Signed(public, text+" ", sig) || agent.Signed(public, text, "00") || agent.Signed(nil, text, sig) {
		t.Error("a signature holds where it should not, or does not where it should")
	}
	for _, bad := range []string{
		"", "{}", `{"kind":"app"}`, `{"kind":"app","ver":"1","files":{"../x":[1,""]}}`, `{"kind":"app","ver":"1","files":{"x":[1]}}`,
		`{"kind":"app","ver":"1","files":{"x":[-1,"` + strings.Repeat("0", 64) + `"]}}`,
	} {
		if _, err := agent.ParseRelease(bad); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestPlainNames(t *testing.T) {
	for _, name := range []string{"app.py", "lib/a.py", "A-b_9.mpy", ".hidden"} {
		if !agent.PlainName(name) {
			t.Errorf("%q is not taken", name)
		}
	}
	for _, name := range []string{"", "/", "a/", "/a", "a/b/c", "..", "a/..", ".", "a b", "ä", "a\x00", strings.Repeat("x", 65)} {
		if agent.PlainName(name) {
			t.Errorf("%q is taken", name)
		}
	}
}

func TestMessagesTooDeepForReadersAreOfNoUse(t *testing.T) {
	for body, fault := range map[string]bool{
		strings.Repeat("[", 64) + strings.Repeat("]", 64):                                         false,
		strings.Repeat("[", 65) + strings.Repeat("]", 65):                                         true,
		strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65):                               true,
		`[` + strings.Repeat(`[],{"a":"[[[[\"[{"},`, 100) + `"` + strings.Repeat("[", 100) + `"]`: false,
	} {
		s, err := agent.ParseSync([]byte(`{"boot":"00000001","q":[[1,"msg",` + body + `],[2,"msg",1]]}`))
		if err != nil || len(s.Queue) != 2 || (s.Queue[0].Fault != "") != fault || s.Queue[1].Fault != "" {
			t.Errorf("%.20s: %+v: %v", body, s.Queue, err)
		}
	}
}

func TestPrintOfAKeyIsThatOfItsBytes(t *testing.T) {
	if got := (agent.Key{}).Print(); got != "74445-ca438" { // HMAC-SHA256 of another library
		t.Errorf("%s", got)
	}
	if one, other := agent.NewKey().Print(), agent.NewKey().Print(); one == other {
		t.Errorf("two keys look the same: %s", one)
	}
}
