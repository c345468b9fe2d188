package pythings_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pythings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// reply is an answer as a device reads it.
type reply struct {
	status int
	kind   string // Content-Type
	body   string
}

// post makes a call as devices do: one connection, and each part of the request in a
// write of its own. It holds the answer against what devices can take (T05).
func post(t testing.TB, conn net.Conn, path, body string) reply {
	t.Helper()
	defer conn.Close()
	return postAnnounced(t, conn, path, body, len(body))
}

func postAnnounced(t testing.TB, conn net.Conn, path, body string, announced int) reply {
	t.Helper()
	defer conn.Close()
	for _, part := range []string{
		"POST " + path + " HTTP/1.0\r\nHost: 127.0.0.1\r\n", "content-length: " + itoa(announced) + "\r\n",
		"content-type: application/json\r\n", "\r\n", body,
	} {
		if _, err := io.WriteString(conn, part); err != nil {
			t.Fatalf("%s: send: %v", path, err)
		}
	}
	raw, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%s: read: %v", path, err)
	}
	return understand(t, path, string(raw))
}

// understand reads an answer as strictly as the strictest device.
func understand(t testing.TB, path, raw string) reply {
	t.Helper()
	head, body, ok := strings.Cut(raw, "\r\n\r\n")
	if !ok {
		t.Fatalf("%s: no end of the head in %q", path, raw)
	}
	lines := strings.Split(head, "\r\n")
	status := strings.SplitN(lines[0], " ", 3)
	if len(status) != 3 || status[2] == "" || !strings.HasPrefix(status[0], "HTTP/1.") {
		t.Fatalf("%s: status line %q", path, lines[0])
	}
	r := reply{body: body}
	r.status, _ = strconv.Atoi(status[1])
	length := ""
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		switch strings.ToLower(name) {
		case "transfer-encoding", "content-encoding", "location":
			t.Errorf("%s: header %q", path, line)
		case "content-type":
			r.kind = value
		case "content-length":
			length = value
		}
	}
	if length != itoa(len(body)) {
		t.Errorf("%s: Content-Length %q of a body of %d bytes", path, length, len(body))
	}
	if strings.ContainsFunc(raw, func(c rune) bool { return c >= 0x80 }) {
		t.Errorf("%s: not ASCII: %q", path, raw)
	}
	if r.kind == "application/json" && strings.Contains(body, "\n") {
		t.Errorf("%s: JSON on more than one line: %q", path, body)
	}
	if r.kind == "application/json" && !json.Valid([]byte(body)) {
		t.Errorf("%s: no JSON: %q", path, body)
	}
	return r
}

// post calls the house in plain.
func (h *house) post(path, body string) reply {
	h.t.Helper()
	return post(h.t, dial(h.t, h.addr), "/api/v1/"+path, body)
}

// device plays one, call by call.
type device struct {
	h        *house
	tid, aid string
	pool     any
	app, os  string
	frozen   bool
	platform string
	sealed   bool // by TLS

	token  string
	key    wire.Key
	cipher *wire.Cipher // nil: clear
}

func (h *house) device(tid string) *device {
	return &device{h: h, tid: tid, aid: string(recordedApp), app: "0", os: "v1.1.0", platform: "Python"}
}

// ready is a device with the app, that has registered.
func (h *house) ready(tid string) *device {
	h.t.Helper()
	d := h.device(tid)
	d.app = recordedCommit
	d.mustRegister()
	return d
}

// running is one whose loop has begun: its next management call may bring a message.
func (h *house) running(tid string) *device {
	h.t.Helper()
	d := h.ready(tid)
	d.settings()
	d.mustReport("management", "OK", nil)
	return d
}

func (d *device) ref() roost.Ref {
	return roost.Ref{Project: roost.Home, Thing: roost.CleanThingID(d.tid)}
}

func (d *device) dial() net.Conn {
	d.h.t.Helper()
	if !d.sealed {
		return dial(d.h.t, d.h.addr)
	}
	conn := tls.Client(dial(d.h.t, d.h.sealed), &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // as devices do
	if err := conn.Handshake(); err != nil {
		d.h.t.Fatal(err)
	}
	return conn
}

// call sends members and gives the answer, decrypted.
func (d *device) call(path string, members map[string]any) reply {
	d.h.t.Helper()
	return d.open(path, post(d.h.t, d.dial(), "/api/v1/"+path, d.body(members)))
}

// body writes a request: in clear, or with all but the token encrypted.
func (d *device) body(members map[string]any) string {
	d.h.t.Helper()
	if d.token != "" && d.cipher == nil {
		members["token"] = d.token
	}
	text, err := wire.AppendJSON(nil, members, wire.Spaced)
	if err != nil {
		d.h.t.Fatal(err)
	}
	if d.cipher == nil {
		return string(text)
	}
	blocks, err := d.cipher.Encrypt(nil, text)
	if err != nil {
		d.h.t.Fatal(err)
	}
	return fmt.Sprintf(`{"encrypted": "%s", "token": "%s"}`, blocks, d.token)
}

// open decrypts an answer, if it is not a refusal in clear.
func (d *device) open(path string, r reply) reply {
	d.h.t.Helper()
	if d.cipher == nil || r.kind == "application/json" {
		return r
	}
	plain, err := d.cipher.Decrypt(nil, []byte(r.body))
	if err != nil {
		d.h.t.Fatalf("%s: %v in %q", path, err, r.body)
	}
	r.body = string(plain)
	return r
}

func (d *device) register() reply {
	d.h.t.Helper()
	if d.cipher == nil {
		d.token = ""
	}
	r := d.call("things/register/", map[string]any{
		"tid": d.tid, "aid": d.aid, "app_version": d.app, "pythings_version": d.os, "pool": d.pool,
		"frozen": d.frozen, "platform": d.platform,
	})
	var a struct {
		Token string
		Epoch int64
	}
	if r.status == 200 {
		if err := json.Unmarshal([]byte(r.body), &a); err != nil || a.Token == "" || a.Epoch == 0 {
			d.h.t.Fatalf("register: %q, %v", r.body, err)
		}
		d.token = a.Token
	}
	return r
}

func (d *device) mustRegister() {
	d.h.t.Helper()
	if r := d.register(); r.status != 200 {
		d.h.t.Fatalf("register: %d %s", r.status, r.body)
	}
}

// encrypt begins an encrypted session with the key of the house.
func (d *device) encrypt() {
	d.h.t.Helper()
	d.token, d.cipher, d.key = "", nil, wire.NewKey()
	parts := wire.EncryptKey(d.key, d.h.door.Key(), wire.CPython)
	r := d.call("things/preregister/", map[string]any{"key": parts, "kty": "aes128ecb", "ken": "srsa1"})
	if r.status != 200 {
		d.h.t.Fatalf("preregister: %d %s", r.status, r.body)
	}
	d.cipher = wire.NewCipher(d.key)
	var a struct{ Token string }
	if r = d.open("preregister", r); json.Unmarshal([]byte(r.body), &a) != nil || a.Token == "" {
		d.h.t.Fatalf("preregister: %q", r.body)
	}
	d.token = a.Token
}

// told is an answer to a management call.
type told struct {
	Settings map[string]any
	Msg      json.RawMessage
	Mid      string
	Type     string
}

func (d *device) management() (told, reply) {
	d.h.t.Helper()
	r := d.call("apps/management/", map[string]any{})
	var a told
	if r.status == 200 {
		if err := json.Unmarshal([]byte(r.body), &a); err != nil {
			d.h.t.Fatalf("management: %q", r.body)
		}
	}
	return a, r
}

// settings asks for the settings, and for nothing else.
func (d *device) settings() map[string]any {
	d.h.t.Helper()
	a, r := d.management()
	if r.status != 200 || a.Settings == nil {
		d.h.t.Fatalf("management: %d %s", r.status, r.body)
	}
	if a.Mid != "" {
		d.h.t.Fatalf("a message where none may be: %s", r.body)
	}
	return a.Settings
}

// message asks, and wants the message of this id.
func (d *device) message(mid string) told {
	d.h.t.Helper()
	a, r := d.management()
	if r.status != 200 || a.Mid != mid {
		d.h.t.Fatalf("management: %d %s, want message %s", r.status, r.body, mid)
	}
	return a
}

func (d *device) report(what, status string, msg any) reply {
	d.h.t.Helper()
	return d.call("things/report/", map[string]any{"what": what, "status": status, "msg": msg})
}

func (d *device) mustReport(what, status string, msg any) {
	d.h.t.Helper()
	if r := d.report(what, status, msg); r.status != 200 {
		d.h.t.Fatalf("report: %d %s", r.status, r.body)
	}
}

func (d *device) worker(msg any) reply {
	d.h.t.Helper()
	return d.call("apps/worker/", map[string]any{"msg": msg})
}

// want compares the status of an answer, and a part of its text.
func want(t testing.TB, what string, r reply, status int, part string) {
	t.Helper()
	if r.status != status || !strings.Contains(r.body, part) {
		t.Errorf("%s: %d %q, want %d with %q", what, r.status, r.body, status, part)
	}
	var text string
	if status != 200 && json.Unmarshal([]byte(r.body), &text) != nil {
		t.Errorf("%s: the error %q is no JSON text", what, r.body)
	}
}
