package pythings_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/roost-iot/roost/wire/pythings"
)

// call is one of a recording: an unmodified device of v1.1.0 and the backend of its
// time. In encrypted.json the device's modulus and payload key are those of the tests.
type call struct {
	Call        int
	Path        string
	Length      int
	Request     string
	Plain       string
	Answer      string
	AnswerPlain string
}

func recording(t testing.TB, name string) (calls []call) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err == nil {
		err = json.Unmarshal(text, &calls)
	}
	if err != nil || len(calls) == 0 {
		t.Fatal(err)
	}
	return calls
}

// E02, E05
func TestRecordedSessionIsUnderstood(t *testing.T) {
	var c *pythings.Cipher
	for _, call := range recording(t, "encrypted") {
		r, err := pythings.ParseRequest([]byte(call.Request))
		if err != nil {
			t.Fatalf("call %d: %v", call.Call, err)
		}
		if r.Encrypted == "" {
			p, err := r.Preregister()
			if err != nil || p.Kty != pythings.CipherName || p.Ken != pythings.KeyExchange {
				t.Fatalf("call %d: %+v, %v", call.Call, p, err)
			}
			k, _, err := pythings.DecryptKey(p.Key, testKey(t))
			if err != nil || k.Decimal() != fipsKey {
				t.Fatalf("call %d: key %s, %v", call.Call, k.Decimal(), err)
			}
			c = pythings.NewCipher(k)
		} else {
			plain, err := c.Decrypt(nil, []byte(r.Encrypted))
			if err != nil || string(plain) != call.Plain {
				t.Errorf("call %d: %q, %v, want %q", call.Call, plain, err, call.Plain)
			}
			if again, err := c.Encrypt(nil, plain); err != nil || string(again) != r.Encrypted {
				t.Errorf("call %d: encrypted again %s, %v", call.Call, again, err)
			}
			if err := r.Open(c); err != nil || r.Token == "" {
				t.Errorf("call %d: open: %v, token %q", call.Call, err, r.Token)
			}
		}
		answer, err := c.Encrypt(nil, []byte(call.AnswerPlain))
		if err != nil || string(answer) != call.Answer {
			t.Errorf("call %d: answer %s, %v", call.Call, answer, err)
		}
	}
}
