package pythings_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pythings"
)

// recorded is a call of an unmodified device of v1.1.0, and what the backend of its time
// answered.
type recorded struct {
	Call        int
	Path        string
	TLS         bool
	Length      int
	Request     string
	Plain       string // of an encrypted request
	Type        string
	Answer      string
	AnswerPlain string
}

func recording(t *testing.T, name string) (calls []recorded) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "wire", "pythings", "testdata", name+".json"))
	if err == nil {
		err = json.Unmarshal(text, &calls)
	}
	if err != nil || len(calls) == 0 {
		t.Fatal(err)
	}
	return calls
}

// Tokens, times and ids of messages are of each server; all else is compared byte for byte.
var (
	tokenText = regexp.MustCompile(`"token": ?"([^"]*)"`)
	epochText = regexp.MustCompile(`"epoch": ?[0-9]+`)
	midText   = regexp.MustCompile(`"mid": ?"([^"]*)"`)
)

func blank(s string) string {
	s = tokenText.ReplaceAllString(s, `"token":"T"`)
	s = epochText.ReplaceAllString(s, `"epoch":0`)
	return midText.ReplaceAllString(s, `"mid":"M"`)
}

// replay is a recording on its way through a house: what was theirs is replaced by what
// is ours.
type replay struct {
	*device
	token, mid map[string]string // of the recording: ours
}

// ours puts our tokens and message ids in place of the recorded ones.
func (r *replay) ours(text string) string {
	for _, names := range []map[string]string{r.token, r.mid} {
		for theirs, own := range names {
			text = strings.ReplaceAll(text, theirs, own)
		}
	}
	return text
}

// learn takes from an answer what later requests must say.
func (r *replay) learn(theirs, own string) {
	for pattern, names := range map[*regexp.Regexp]map[string]string{tokenText: r.token, midText: r.mid} {
		if a, b := pattern.FindStringSubmatch(theirs), pattern.FindStringSubmatch(own); a != nil && b != nil {
			names[a[1]] = b[1]
		}
	}
}

// Appendix A.1: three boots of a device in clear.
func TestRecordedSessionInClear(t *testing.T) {
	h := build(t, plan{})
	r := replay{h.device("A4CF12B3D5E6"), map[string]string{}, map[string]string{}}
	for _, call := range recording(t, "clear") {
		if call.Length != len(call.Request) {
			t.Fatalf("call %d: %d bytes of %d", call.Call, len(call.Request), call.Length)
		}
		if call.Call == 10 {
			h.send(r.ref(), roost.Tell, `"status"`)
		}
		r.sealed = call.TLS
		got := post(t, r.dial(), call.Path, r.ours(call.Request))
		if got.status != 200 || got.kind != call.Type || blank(got.body) != blank(call.Answer) {
			t.Errorf("call %d, %s: %d %s %q\nwant %s %q", call.Call, call.Path, got.status, got.kind, got.body, call.Type, call.Answer)
		}
		r.learn(call.Answer, got.body)
	}
	all := h.messages(r.ref())
	if len(all) != 2 || all[0].Data != `{"temperature_C": 20.5}` {
		t.Errorf("%d messages", len(all))
	}
	for _, mid := range r.mid {
		if c := h.find(roost.Home, mid); c.State != roost.Done || c.Result != `"Got status"` {
			t.Errorf("message %+v", c)
		}
	}
	if len(r.mid) != 1 {
		t.Errorf("%d messages were told", len(r.mid))
	}
}

// Appendix A.2: two boots of a device with payload encryption.
func TestRecordedSessionEncrypted(t *testing.T) {
	h := build(t, plan{encrypt: true})
	k, err := wire.ParseKey("57811460909138771071931939740208549692")
	if err != nil {
		t.Fatal(err)
	}
	r := replay{h.device("5ECF7F0A1B2C"), map[string]string{}, map[string]string{}}
	cipher := wire.NewCipher(k)
	for _, call := range recording(t, "encrypted") {
		if call.Call == 11 {
			h.send(r.ref(), roost.Tell, `"status"`)
		}
		got := post(t, r.dial(), call.Path, r.hide(cipher, call))
		plain, err := cipher.Decrypt(nil, []byte(got.body))
		if err != nil || got.status != 200 || got.kind != call.Type || blank(string(plain)) != blank(call.AnswerPlain) {
			t.Errorf("call %d, %s: %d %s %q, %v\nwant %s %q", call.Call, call.Path, got.status, got.kind, plain, err, call.Type, call.AnswerPlain)
		}
		if blank(call.AnswerPlain) == call.AnswerPlain && got.body != call.Answer {
			t.Errorf("call %d: %q, want %q", call.Call, got.body, call.Answer)
		}
		r.learn(call.AnswerPlain, string(plain))
	}
	if all := h.messages(r.ref()); len(all) != 1 || all[0].Data != `{"temperature_C": 20.5}` {
		t.Errorf("%d messages", len(all))
	}
	if run, _ := h.releases.CurrentRun(r.ref()); !run.Encrypted {
		t.Errorf("run %+v", run)
	}
}

// hide encrypts a request with our tokens in it; one without any goes out as recorded.
func (r *replay) hide(c *wire.Cipher, call recorded) string {
	if call.Plain == "" {
		return call.Request
	}
	blocks, err := c.Encrypt(nil, []byte(r.ours(call.Plain)))
	if err != nil {
		r.h.t.Fatal(err)
	}
	token := tokenText.FindStringSubmatch(call.Request)[1]
	return `{"encrypted": "` + string(blocks) + `", "token": "` + r.token[token] + `"}`
}
