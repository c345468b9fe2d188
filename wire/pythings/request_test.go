package pythings_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roost-iot/roost/wire/pythings"
)

func request(t testing.TB, body string) *pythings.Request {
	t.Helper()
	r, err := pythings.ParseRequest([]byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return r
}

func TestRegisterIsRead(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want pythings.Register
	}{
		"recorded": {
			recording(t, "clear")[0].Request,
			pythings.Register{TID: "A4CF12B3D5E6", AID: "5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10", AppVersion: "0", OS: "v1.1.0", Platform: "Python"},
		},
		"any order, white space, more members": { // T09
			"{ \"frozen\"\t: true,\n\"x\": [{}], \"pool\":\"staging\", \"app_version\": 1700000000, \"aid\":\"a\",\"tid\":\"caff\u00e8\" }",
			pythings.Register{TID: "caffè", AID: "a", AppVersion: "1700000000", Pool: "staging", Frozen: true},
		},
		"v0.2": {
			`{"tid":"t","aid":"a","system":"esp8266","app_version":"0"}`,
			pythings.Register{TID: "t", AID: "a", AppVersion: "0", Platform: "esp8266"},
		},
		"v0.1": {
			`{"tid":"t","aid":"a","running_app_version":"7","running_os_version":"v0.1","frozen_os":true}`,
			pythings.Register{TID: "t", AID: "a", AppVersion: "7", OS: "v0.1", Frozen: true, Old: true},
		},
		"nothing": {`{}`, pythings.Register{}},
	} {
		got, err := request(t, c.body).Register()
		if d := cmp.Diff(c.want, got); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", name, err, d)
		}
	}
	for _, bad := range []string{`{"tid":["x"]}`, `{"aid":{}}`, `{"frozen":"no"}`, `{"pool":true}`} {
		if g, err := request(t, bad).Register(); !errors.Is(err, pythings.ErrRequest) {
			t.Errorf("%s: %+v, %v", bad, g, err)
		}
	}
}

func TestReportsAndRepliesAreRead(t *testing.T) {
	for _, c := range []struct {
		body, msg, mid, reply string
		isReply               bool
	}{
		{`{"what":"worker","status":"OK","msg":null,"token":"t"}`, "null", "", "", false},
		{`{"what":"worker","status":"OK","msg":{"mid":"m","rep":"Got x"}}`, `{"mid":"m","rep":"Got x"}`, "m", `"Got x"`, true},
		{`{"what":"worker","status":"OK","msg":{"rep":{"a": 1.0},"mid":"m"}}`, `{"rep":{"a": 1.0},"mid":"m"}`, "m", `{"a": 1.0}`, true},
		{`{"what":"worker","status":"OK","msg":{"mid":"m","rep":null}}`, `{"mid":"m","rep":null}`, "m", "null", true},
		{`{"what":"worker","status":"OK","msg":{"mid":"m"}}`, `{"mid":"m"}`, "m", "null", true},
		{`{"what":"worker","status":"OK","msg":{"mid":7}}`, `{"mid":7}`, "", "", false},
		{`{"what":"worker","status":"OK","message":"KO text"}`, `"KO text"`, "", "", false},
		{`{"what":"worker","status":"OK"}`, "", "", "", false},
	} {
		p, err := request(t, c.body).Report()
		if err != nil || p.What != "worker" || p.Status != "OK" || string(p.Msg) != c.msg {
			t.Errorf("%s: %+v, %v", c.body, p, err)
		}
		mid, reply, ok := p.Reply()
		if mid != c.mid || string(reply) != c.reply || ok != c.isReply {
			t.Errorf("%s answers %q with %q, %v", c.body, mid, reply, ok)
		}
	}
}

// M14
func TestWorkerTimesAreRead(t *testing.T) {
	for ts, want := range map[string]string{
		`1700000000.25`: "2023-11-14T22:13:20.25Z", `"1700000000.25"`: "2023-11-14T22:13:20.25Z", `0`: "1970-01-01T00:00:00Z",
		`" 1700000000 "`: "2023-11-14T22:13:20Z", `1700000000.123456`: "2023-11-14T22:13:20.123456Z",
		`"soon"`: "", `-1`: "", `1e300`: "", `"NaN"`: "", `[]`: "", `true`: "",
	} {
		w, err := request(t, `{"msg":{"a":1},"ts":`+ts+`}`).Worker()
		if want == "" {
			if !errors.Is(err, pythings.ErrRequest) {
				t.Errorf("%s: %v, %v", ts, w.At, err)
			}
			continue
		}
		if got := w.At.Format(time.RFC3339Nano); err != nil || got != want || w.Msg != `{"a":1}` {
			t.Errorf("%s: %s %s, %v, want %s", ts, w.Msg, got, err, want)
		}
	}
	if w, err := request(t, `{"msg":0}`).Worker(); err != nil || w.Msg != "0" || !w.At.IsZero() {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestGetIsRead(t *testing.T) {
	clear := recording(t, "clear")
	for body, want := range map[string]pythings.Get{
		clear[5].Request: {Version: "1700000000", List: true},
		clear[6].Request: {Version: "1700000000", FileName: "worker_task.py", Platform: "Python"},
		`{"version":"v1","list":true,"arch":"esp8266"}`: {Version: "v1", List: true, Platform: "esp8266"},
	} {
		got, err := request(t, body).Get()
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", body, err, d)
		}
	}
}

func TestKeysOfManyDigitsAreRead(t *testing.T) {
	digits := strings.Repeat("9", 309)
	p, err := request(t, `{"key":[`+digits+`, 7],"kty":"k","ken":"e"}`).Preregister()
	if err != nil || len(p.Key) != 2 || p.Key[0].String() != digits || p.Key[1].Int64() != 7 {
		t.Errorf("%v, %v", p, err)
	}
	for _, bad := range []string{
		`7`, `"7"`, `{}`, `["7"]`, `[1.5]`, `[1e3]`, `[-1]`, `[null]`, `[` + strings.Repeat("9", 5000) + `]`, `[1` + strings.Repeat(",1", 100) + `]`,
	} {
		if p, err := request(t, `{"key":`+bad+`}`).Preregister(); !errors.Is(err, pythings.ErrRequest) {
			t.Errorf("%.40s: %v, %v", bad, p, err)
		}
	}
	if p, err := request(t, `{}`).Preregister(); err != nil || p.Key != nil {
		t.Errorf("%v, %v", p, err)
	}
}

// T12
func TestStrangeBodiesAreRefused(t *testing.T) {
	for body, want := range map[string]error{
		``: pythings.ErrCut, `{`: pythings.ErrCut, `{"a":"b`: pythings.ErrCut, "{\"a\":\"caff\xc3": pythings.ErrCut, ` {"a":1`: pythings.ErrCut, `{"a":tr`: pythings.ErrCut,
		`[]`: pythings.ErrRequest, `null`: pythings.ErrRequest, `"x"`: pythings.ErrRequest, `7`: pythings.ErrRequest,
		`{"a":1}}`: pythings.ErrRequest, `{"a" 1}`: pythings.ErrRequest, `{}x`: pythings.ErrRequest, `x`: pythings.ErrRequest,
		`{"token":[]}`: pythings.ErrRequest, `{"encrypted":{}}`: pythings.ErrRequest, `POST / HTTP/1.0`: pythings.ErrRequest,
		strings.Repeat("[", 20000): pythings.ErrRequest,
	} {
		if r, err := pythings.ParseRequest([]byte(body)); !errors.Is(err, want) {
			t.Errorf("%.40q: %+v, %v, want %v", body, r, err, want)
		}
	}
}

func TestOpenNeedsAnObject(t *testing.T) {
	c := cipherOf(t, fipsKey)
	for text, want := range map[string]error{`{"tid":"T"}`: nil, `[]`: pythings.ErrRequest, `{"tid":`: pythings.ErrRequest} {
		blocks, err := c.Encrypt(nil, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		r := request(t, `{"encrypted":"`+string(blocks)+`","token":"outside"}`)
		if err := r.Open(c); !errors.Is(err, want) || r.Token != "outside" {
			t.Errorf("%s: %v, token %q", text, err, r.Token)
		}
		if g, err := r.Register(); want == nil && (err != nil || g.TID != "T") {
			t.Errorf("%s: %+v, %v", text, g, err)
		}
	}
	if err := request(t, `{"encrypted":"123","token":"t"}`).Open(c); !errors.Is(err, pythings.ErrDamaged) {
		t.Error(err)
	}
}

// T08: MicroPython counts characters, however the continuation bytes lie.
func TestMissingBytesAreCounted(t *testing.T) {
	for _, text := range []string{"plain", "caffè", "èèèè", "😀", strings.Repeat("ü", 300), "x" + strings.Repeat("😀", 100)} {
		whole := []byte(`{"what": "worker", "msg": ` + strconv.Quote(text) + `}`)
		announced := len([]rune(string(whole)))
		body, rounds := whole[:announced], 0
		for more := pythings.Missing(body, announced); more > 0; more = pythings.Missing(body, announced) {
			if len(body)+more > len(whole) {
				t.Fatalf("%q: asked for %d bytes of %d", text, len(body)+more, len(whole))
			}
			body = whole[:len(body)+more]
			rounds++
		}
		if len(body) != len(whole) {
			t.Errorf("%q: %d of %d bytes after %d rounds", text, len(body), len(whole), rounds)
		}
		request(t, string(body))
	}
}

func FuzzRequest(f *testing.F) {
	for _, name := range []string{"clear", "encrypted"} {
		for _, call := range recording(f, name) {
			f.Add([]byte(call.Request))
			f.Add([]byte(call.Plain))
		}
	}
	f.Add([]byte(`{"msg":1,"ts":"1700000000.25","key":[1,2],"mid":"x","what":"w","status":"s","list":1}`))
	f.Add([]byte("{\"msg\":{\"mid\":\"è\",\"rep\":[null]},\"message\":2"))
	c := cipherOf(f, fipsKey)
	key := testKey(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := pythings.ParseRequest(body)
		if err != nil {
			if !errors.Is(err, pythings.ErrCut) && !errors.Is(err, pythings.ErrRequest) {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		if p, err := r.Preregister(); err == nil && len(p.Key) < 3 {
			_, _, _ = pythings.DecryptKey(p.Key, key)
		}
		_, _ = r.Register()
		if p, err := r.Report(); err == nil {
			p.Reply()
		}
		if w, err := r.Worker(); err == nil && w.Msg != "" && pythings.PythonLen(w.Msg) < 0 {
			t.Errorf("%q brings %q", body, w.Msg)
		}
		_, _ = r.Get()
		_ = r.Open(c)
	})
}
