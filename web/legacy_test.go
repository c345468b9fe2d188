package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
	"github.com/roost-iot/roost/release"
)

const (
	workerGet     = "/msg/worker/get"
	managementNew = "/msg/management/new"
	managementGet = "/msg/management/get"
	uploadFile    = "/code_editor/uploadfile"
)

// legacyTID is what the device of the tests calls itself.
const legacyTID = "A4CF12B3D5E6"

// legacyHouse is a house with a device, an owner of home, a viewer, and somebody of
// another project.
type legacyHouse struct {
	*house
	owner, viewer, key    string // account ids, API token of the owner
	stranger, strangerKey string
	thing                 roost.Ref
	browser               *browser // with the owner's session
	plain                 *browser // with nothing
}

func openLegacy(t *testing.T) *legacyHouse {
	t.Helper()
	h := &legacyHouse{house: open(t)}
	h.browser = h.house.owner()
	h.plain = h.house.browser()
	h.key = h.as(h.browser, "owner").token
	if err := h.Store.SaveProject(t.Context(), roost.Project{ID: "lab", Name: "Lab", Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	ada, err := h.accounts.SignInAPI(t.Context(), "ada", password, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	self, err := h.accounts.Self(t.Context(), ada)
	if err != nil {
		t.Fatal(err)
	}
	h.owner = self.Account
	h.viewer = h.person(ada, roost.Home, "vera", roost.Viewer).Account
	h.stranger = h.person(ada, "lab", "steve", roost.Owner).Account
	steve, err := h.accounts.SignInAPI(t.Context(), h.stranger, password, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if _, h.strangerKey, err = h.accounts.AddOwnToken(t.Context(), steve, "lab", "script", roost.Owner); err != nil {
		t.Fatal(err)
	}
	h.device(legacyTID, release.Registration{})
	h.thing = h.server.ref(legacyTID)
	return h
}

func (h *legacyHouse) person(by account.Actor, p roost.ProjectID, name string, role roost.Role) roost.Person {
	h.t.Helper()
	one, err := h.accounts.AddPerson(h.t.Context(), by, p, account.NewPerson{Name: name, Password: password, Role: role})
	if err != nil {
		h.t.Fatal(err)
	}
	return one
}

// post sends fields as JSON and gives status and body of the answer.
func (b *browser) post(path string, fields map[string]any, header ...string) (int, string) {
	b.t.Helper()
	res, text := b.send("POST", "!"+legacyRoot+path, fields, header...)
	if got := res.Header.Get("Content-Type"); got != "application/json" {
		b.t.Errorf("%s %v: an answer of type %q", path, fields, got)
	}
	return res.StatusCode, string(text)
}

// says wants an answer byte for byte.
func (b *browser) says(status int, want, path string, fields map[string]any, header ...string) {
	b.t.Helper()
	if got, text := b.post(path, fields, header...); got != status || text != want {
		b.t.Errorf("%s %v: %d %s\nwant %d %s", path, fields, got, text, status, want)
	}
}

// refuses wants {"detail": …}.
func (b *browser) refuses(status int, detail, path string, fields map[string]any, header ...string) {
	b.t.Helper()
	quoted, err := json.Marshal(detail)
	if err != nil {
		b.t.Fatal(err)
	}
	b.says(status, `{"detail":`+string(quoted)+`}`, path, fields, header...)
}

// with gives fields by name and value, and the owner's key.
func (h *legacyHouse) with(fields ...any) map[string]any {
	return withKey(h.key, fields...)
}

func withKey(key string, fields ...any) map[string]any {
	m := map[string]any{"apikey": key}
	for i := 0; i < len(fields); i += 2 {
		m[fields[i].(string)] = fields[i+1]
	}
	return m
}

// work lets the device's worker task send a message at a time.
func (h *legacyHouse) work(data string, at time.Time) {
	h.t.Helper()
	if err := h.Telemetry.RecordMessage(h.t.Context(), roost.WorkerMessage{Ref: h.thing, At: at, Data: roost.Value(data)}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *legacyHouse) settle() {
	h.t.Helper()
	if err := h.Telemetry.Settle(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

// W01 and all other ways to show, or not to show, who one is.
func TestLegacyCallersAreKnown(t *testing.T) {
	h := openLegacy(t)
	basic := func(user, pass string) []string {
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(user, pass)
		return []string{"Authorization", r.Header.Get("Authorization")}
	}
	const private = "This is a private API. Login or provide username/password or apikey"
	for _, path := range []string{workerGet, managementNew, managementGet, uploadFile} {
		h.plain.refuses(401, private, path, map[string]any{"tid": legacyTID})
		h.plain.refuses(401, private, path, map[string]any{"username": "", "password": nil, "apikey": ""})
		h.plain.refuses(400, "Got empty password", path, map[string]any{"username": h.owner})
		h.plain.refuses(400, "Got empty username", path, map[string]any{"password": password, "apikey": h.key})
		h.plain.refuses(401, "Wrong username/password", path, map[string]any{"username": "nobody", "password": "x", "apikey": h.key})
		h.plain.refuses(400, "Wrong API key", path, map[string]any{"apikey": "rst_wrong"})
		h.plain.refuses(400, "Wrong API key", path, map[string]any{"apikey": 17})
		h.plain.refuses(403, "Invalid username/password.", path, h.with(), basic("somebody", "x")...)
	}
	const let = "Got empty mid" // whoever is told this was let in
	h.plain.refuses(400, let, managementGet, map[string]any{"username": h.owner, "password": password})
	h.plain.refuses(400, let, managementGet, map[string]any{"username": "ADA", "password": password})
	h.plain.refuses(400, let, managementGet, map[string]any{"apikey": h.key})
	h.plain.refuses(400, let, managementGet, nil2(), basic(h.owner, password)...)
	h.plain.refuses(400, let, managementGet, nil2(), "Authorization", "Bearer "+h.key)
	h.plain.refuses(401, "This token is unknown or was removed.", managementGet, h.with(), "Authorization", "Bearer rst_x")
	h.browser.refuses(400, let, managementGet, nil2())
	h.browser.refuses(400, let, managementGet, nil2(), "Sec-Fetch-Site", "same-origin", "Origin", h.http.URL)
	h.plain.refuses(400, let, managementGet, map[string]any{"apikey": h.key}, "Cookie", CookieName+"=old")
	h.plain.refuses(401, private, managementGet, nil2(), "Cookie", CookieName+"=old")

	res, text := h.browser.send("POST", "!"+legacyRoot+managementGet, nil2(), "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
	if res.StatusCode != 403 || !strings.Contains(string(text), `"detail"`) {
		t.Errorf("with the cookie from another site: %d %s", res.StatusCode, text)
	}
}

// nil2 is a body without fields.
func nil2() map[string]any { return map[string]any{} }

func TestLegacyGuessesAreSlowedDown(t *testing.T) {
	h := openLegacy(t)
	status := 0
	for i := 0; i < 10 && status != 429; i++ {
		res, _ := h.plain.send("POST", "!"+legacyRoot+workerGet, map[string]any{"username": h.viewer, "password": fmt.Sprint("guess ", i)})
		if status = res.StatusCode; status == 429 && res.Header.Get("Retry-After") == "" {
			t.Error("429 without Retry-After")
		}
	}
	if status != 429 {
		t.Errorf("after ten wrong passwords: %d", status)
	}
}

func TestLegacyBodies(t *testing.T) {
	h := openLegacy(t)
	send := func(body, contentType string) (int, string) {
		t.Helper()
		res, text := h.plain.send("POST", "!"+legacyRoot+managementGet, body, "Content-Type", contentType)
		return res.StatusCode, string(text)
	}
	for _, c := range []struct {
		body, contentType string
		status            int
		detail            string // begins so
	}{
		{"{", "application/json", 400, "JSON parse error - "},
		{"[1]", "application/json", 400, "JSON parse error - "},
		{`"x"`, "application/json; charset=utf-8", 400, "JSON parse error - "},
		{`{"apikey":"` + h.key + `"}`, "application/json", 400, "Got empty mid"},
		{`{"apikey":"` + h.key + `"}`, "", 400, "Got empty mid"},
		{"apikey=" + h.key, "", 400, "Got empty mid"},
		{"apikey=" + h.key + "&%zz=1", "application/x-www-form-urlencoded", 400, "Got empty mid"},
		{"null", "application/json", 401, "This is a private API."},
		{"", "text/plain", 401, "This is a private API."},
		{"apikey=" + h.key, "text/plain", 415, `Unsupported media type \"text/plain\" in request.`},
		{"--x\r\nno header\r\n\r\n", "multipart/form-data; boundary=x", 400, "Multipart form parse error - "},
		{"x", "multipart/form-data", 400, "Multipart form parse error - "},
		{strings.Repeat("x", 2<<20+1), "application/json", 413, "The request is larger than 2 MiB."},
	} {
		if status, text := send(c.body, c.contentType); status != c.status || !strings.HasPrefix(text, `{"detail":"`+c.detail) {
			t.Errorf("%.40q as %q: %d %s", c.body, c.contentType, status, text)
		}
	}
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		res, text := h.plain.send(method, "!"+legacyRoot+workerGet, nil)
		if res.StatusCode != 405 || res.Header.Get("Allow") != "POST" || string(text) != `{"detail":"Method \"`+method+`\" not allowed."}` {
			t.Errorf("%s: %d %s", method, res.StatusCode, text)
		}
	}
	if res, _ := h.plain.send("POST", "!"+legacyRoot+workerGet+"/", nil2()); res.StatusCode != 404 {
		t.Errorf("with a slash at the end: %d", res.StatusCode)
	}
}
