package agent_test

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/roost-iot/roost/wire/agent"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

// vectors is what both ends must make of the same input. The Python of device/ is held
// against the same file.
type vectors struct {
	Join struct {
		ThingPrivate  string `json:"thing_private"`
		ThingPublic   string `json:"thing_public"`
		ServerPrivate string `json:"server_private"`
		ServerPublic  string `json:"server_public"`
		ID            string `json:"id"`
		Key           string `json:"key"`
		MAC           string `json:"mac"`
	} `json:"join"`
	Hello struct {
		Key         string `json:"key"`
		Nonce       string `json:"nonce"`
		ServerNonce string `json:"server_nonce"`
		Session     string `json:"session"`
		Now         int64  `json:"now"`
		MAC         string `json:"mac"`
		Keys        string `json:"keys"` // what HKDF gives: 96 bytes
	} `json:"hello"`
	Time struct {
		Nonce string `json:"nonce"`
		Now   int64  `json:"now"`
		MAC   string `json:"mac"`
	} `json:"time"`
	Frames []frameVector `json:"frames"` // of the session of hello
	File   struct {
		Path          string `json:"path"`
		Range         string `json:"range"`
		Counter       uint32 `json:"counter"`
		Authorization string `json:"authorization"`
		Whole         string `json:"whole_authorization"` // without Range
		Plain         string `json:"plain"`
		Body          string `json:"body"`
	} `json:"file"`
	Update struct {
		R   string `json:"r"`
		E   string `json:"e"`
		MAC string `json:"mac"` // by the key of hello
		Sig string `json:"sig"`
		// Private and Public are the owner's release key.
		Private string `json:"private"`
		Public  string `json:"public"`
		Owner   string `json:"owner"`
	} `json:"update"`
}

type frameVector struct {
	Down    bool   `json:"down"`
	Path    string `json:"path"`
	Counter uint32 `json:"counter"`
	Plain   string `json:"plain"`
	Frame   string `json:"frame"`
}

// count is n bytes from first on.
func count(first byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

func made(t *testing.T) vectors {
	t.Helper()
	var v vectors
	makeJoin(t, &v)
	k := agent.Key(count(0x40, 32))
	thing, server, id := agent.Nonce(count(0, 16)), agent.Nonce(count(0x10, 16)), agent.SessionID(count(0xa0, 8))
	h := &v.Hello
	h.Key, h.Nonce, h.ServerNonce, h.Session, h.Now = k.String(), hex.EncodeToString(thing[:]), hex.EncodeToString(server[:]), id.String(), 1795240653123
	h.MAC = hex.EncodeToString(k.HelloMAC(thing, server, id, h.Now))
	h.Keys = agent.SessionKeys(k, thing, server, id)
	v.Time.Nonce, v.Time.Now = h.Nonce, h.Now
	v.Time.MAC = hex.EncodeToString(k.TimeMAC(thing, h.Now))
	s := agent.NewSession(k, thing, server, id)
	for _, f := range []frameVector{
		{Path: agent.PathRegister, Counter: 1, Plain: `{"boot":"00112233"}`},
		{Path: agent.PathSync, Counter: 0x01020304, Plain: strings.Repeat("0123456789abcdef", 4) + "."},
		{Path: agent.PathSync, Counter: 2, Plain: ""},
		{Down: true, Path: agent.PathSync, Counter: 2, Plain: `{"now":1795240653123}`},
	} {
		make := s.SealUp
		if f.Down {
			make = s.SealDown
		}
		f.Frame = hex.EncodeToString(make(f.Path, f.Counter, []byte(f.Plain)))
		v.Frames = append(v.Frames, f)
	}
	makeFile(s, &v)
	makeUpdate(t, k, &v)
	return v
}

func makeJoin(t *testing.T, v *vectors) {
	t.Helper()
	thing, err := ecdh.X25519().NewPrivateKey(count(1, 32))
	if err != nil {
		t.Fatal(err)
	}
	server, err := ecdh.X25519().NewPrivateKey(count(0x81, 32))
	if err != nil {
		t.Fatal(err)
	}
	k, err := agent.JoinKey(thing, thing.PublicKey().Bytes(), server.PublicKey().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if same, err := agent.JoinKey(server, thing.PublicKey().Bytes(), server.PublicKey().Bytes()); err != nil || same != k {
		t.Fatalf("the two ends agree on %v and %v (%v)", k, same, err)
	}
	j := &v.Join
	j.ThingPrivate, j.ThingPublic = hex.EncodeToString(thing.Bytes()), hex.EncodeToString(thing.PublicKey().Bytes())
	j.ServerPrivate, j.ServerPublic = hex.EncodeToString(server.Bytes()), hex.EncodeToString(server.PublicKey().Bytes())
	j.ID, j.Key = "roost-28cdc1010203", k.String()
	j.MAC = hex.EncodeToString(k.JoinMAC(j.ID))
}

func makeFile(s *agent.Session, v *vectors) {
	f := &v.File
	plain := "def run():\n    return 21.5\n"
	f.Path = agent.PathFiles + agent.FileOf([]byte(plain)).SHA256
	f.Range, f.Counter, f.Plain = "bytes=4-", 7, plain[4:]
	f.Authorization = s.AuthorizeFile(f.Path, f.Range, f.Counter)
	f.Whole = s.AuthorizeFile(f.Path, "", f.Counter)
	body := []byte(f.Plain)
	s.FileStream(f.Counter).XORKeyStream(body, body)
	f.Body = hex.EncodeToString(body)
}

func makeUpdate(t *testing.T, k agent.Key, v *vectors) {
	t.Helper()
	u := &v.Update
	var err error
	u.R, err = agent.Text(agent.Release{Kind: agent.KindApp, Ver: "1795240653", Seq: 1795240653, MinOS: "1.0.0", Files: map[string]agent.File{
		"app.py": agent.FileOf([]byte("def run(): pass\n")), "lib/a.py": agent.FileOf(nil),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if u.E, err = agent.Text(agent.Envelope{For: "roost-28cdc1010203", N: 18, Use: []string{"app.py", "lib/a.py"}}); err != nil {
		t.Fatal(err)
	}
	private := ed25519.NewKeyFromSeed(count(0x20, 32))
	public := private.Public().(ed25519.PublicKey)
	u.MAC, u.Sig = hex.EncodeToString(k.UpdateMAC(u.E, u.R)), agent.Sign(private, u.R)
	u.Private, u.Public, u.Owner = hex.EncodeToString(private.Seed()), hex.EncodeToString(public), agent.OwnerName(public)
}

func TestVectorsStayAsTheyAre(t *testing.T) {
	b, err := json.MarshalIndent(made(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, '\n')
	const path = "testdata/vectors.json"
	if *update {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != string(b) {
		t.Errorf("boards in the field reckon with %s; now it would be\n%s", path, b)
	}
}
