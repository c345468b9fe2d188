package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// contract is the OpenAPI document as it is served.
type contract struct {
	root map[string]any
}

// documented is one operation of it.
type documented struct {
	contract
	method, path string
	op           map[string]any
}

func (d documented) id() string   { return d.op["operationId"].(string) }
func (d documented) role() string { return d.op[roleField].(string) }

// status is what success is documented as.
func (d documented) status() int {
	for code := range d.op["responses"].(map[string]any) {
		if code[0] < '4' {
			var n int
			fmt.Sscan(code, &n)
			return n
		}
	}
	return 0
}

// body is the schema of the request, nil if it takes none.
func (d documented) body() map[string]any {
	rb, _ := d.op["requestBody"].(map[string]any)
	media, _ := field(rb, "content", "application/json").(map[string]any)
	if media == nil {
		return nil
	}
	return d.resolve(media["schema"].(map[string]any))
}

// field follows names into objects, nil where one is not there.
func field(v any, names ...string) any {
	for _, name := range names {
		o, _ := v.(map[string]any)
		v = o[name]
	}
	return v
}

func readContract(t testing.TB, b *browser) contract {
	t.Helper()
	res, text := b.send("GET", "/openapi.json", nil)
	c := contract{}
	if err := json.Unmarshal(text, &c.root); err != nil || res.StatusCode != 200 {
		t.Fatalf("the document: %d, %v", res.StatusCode, err)
	}
	return c
}

func (c contract) operations() (all []documented) {
	for path, item := range c.root["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			all = append(all, documented{c, strings.ToUpper(method), path, op.(map[string]any)})
		}
	}
	slices.SortFunc(all, func(a, b documented) int { return strings.Compare(a.id(), b.id()) })
	return all
}

func (c contract) resolve(s map[string]any) map[string]any {
	for s["$ref"] != nil {
		name := strings.TrimPrefix(s["$ref"].(string), "#/components/schemas/")
		s = c.root["components"].(map[string]any)["schemas"].(map[string]any)[name].(map[string]any)
	}
	return s
}

// check tells where v does not fit schema s, "" if it does.
func (c contract) check(s map[string]any, v any, at string) string {
	s = c.resolve(s)
	if choices, ok := s["oneOf"].([]any); ok {
		return c.checkOneOf(choices, v, at)
	}
	if fault := checkType(s["type"], v); fault != "" {
		return at + ": " + fault
	}
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, v) {
		return fmt.Sprintf("%s: %v is none of %v", at, v, enum)
	}
	switch v := v.(type) {
	case map[string]any:
		return c.checkObject(s, v, at)
	case []any:
		items, _ := s["items"].(map[string]any)
		for i, e := range v {
			if fault := c.check(items, e, fmt.Sprintf("%s[%d]", at, i)); items != nil && fault != "" {
				return fault
			}
		}
	}
	return ""
}

func (c contract) checkOneOf(choices []any, v any, at string) string {
	var faults []string
	for _, choice := range choices {
		fault := c.check(choice.(map[string]any), v, at)
		if fault == "" {
			return ""
		}
		faults = append(faults, fault)
	}
	return strings.Join(faults, "; ")
}

func (c contract) checkObject(s map[string]any, v map[string]any, at string) string {
	props, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, there := v[name.(string)]; !there {
			return at + "." + name.(string) + " is missing"
		}
	}
	for name, e := range v {
		p, known := props[name].(map[string]any)
		if !known {
			if s["additionalProperties"] == false {
				return at + "." + name + " is not documented"
			}
			continue
		}
		if fault := c.check(p, e, at+"."+name); fault != "" {
			return fault
		}
	}
	return ""
}

func checkType(want any, v any) string {
	if want == nil {
		return ""
	}
	wants, ok := want.([]any)
	if !ok {
		wants = []any{want}
	}
	is := map[bool]string{}
	switch n := v.(type) {
	case nil:
		is[true] = "null"
	case bool:
		is[true] = "boolean"
	case string:
		is[true] = "string"
	case float64:
		is[true] = "number"
		if n == float64(int64(n)) && slices.Contains(wants, any("integer")) {
			is[true] = "integer"
		}
	case []any:
		is[true] = "array"
	case map[string]any:
		is[true] = "object"
	}
	if !slices.Contains(wants, any(is[true])) {
		return fmt.Sprintf("%v is %s, not %v", v, is[true], wants)
	}
	return ""
}

// call sends and wants the answer to be as documented; it gives the status.
func (d documented) call(t *testing.T, b *browser, path string, body any, header ...string) (int, map[string]any) {
	t.Helper()
	res, text := b.send(d.method, path, body, header...)
	answer, ok := d.op["responses"].(map[string]any)[fmt.Sprint(res.StatusCode)].(map[string]any)
	if !ok {
		t.Fatalf("%s %s: status %d is not documented: %s", d.method, path, res.StatusCode, text)
	}
	content, _ := answer["content"].(map[string]any)
	if content == nil {
		if len(text) > 0 {
			t.Errorf("%s %s: %d with a body that is not documented: %s", d.method, path, res.StatusCode, text)
		}
		return res.StatusCode, nil
	}
	media, ok := content[res.Header.Get("Content-Type")].(map[string]any)
	if !ok {
		t.Fatalf("%s %s: type %q is not documented", d.method, path, res.Header.Get("Content-Type"))
	}
	var v map[string]any
	if kind := res.Header.Get("Content-Type"); kind == zipType || kind == fileType {
		return res.StatusCode, v
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s %s: %v: %s", d.method, path, err, text)
	}
	if fault := d.check(media["schema"].(map[string]any), v, "body"); fault != "" {
		t.Errorf("%s %s: %d: %s: %s", d.method, path, res.StatusCode, fault, text)
	}
	return res.StatusCode, v
}

// good is one call of each operation that succeeds, in a house of its own.
type good struct {
	path string
	body any
	kind string // of the body, if it is no JSON
}

func (g good) header() []string {
	if g.kind == "" {
		return nil
	}
	return []string{"Content-Type", g.kind}
}

func TestEveryOperationKeepsItsContract(t *testing.T) {
	first := open(t)
	for _, d := range readContract(t, first.owner()).operations() {
		if d.id() == "stream" || d.id() == "watch-trial" { // they do not end; see TestStreamWantsAWebSocket, TestATrialIsWatched
			continue
		}
		t.Run(d.id(), func(t *testing.T) {
			h := open(t)
			ada := h.browser()
			var g good
			if d.id() == "set-up" {
				token, err := h.accounts.SetupToken(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				g = good{path: "/setup", body: map[string]any{"token": token, "name": "ada", "password": password}}
			} else {
				ada = h.owner()
				h.arrive("node1", true)
				h.arrive("stranger", false)
				h.arrive("busy", true)
				for _, v := range []roost.Value{`"21.5°C"`, `true`, `"fine"`, `[1,{"a":null}]`, `1e300`} {
					h.report("node1", "temperature", v)
				}
				h.device("bench", release.Registration{})
				h.report("node1", "odd \"name\"\x01", `"é"`)
				arrange := goodCalls(h, ada)[d.id()]
				if arrange == nil {
					t.Fatalf("no test knows how to call %s: add it to goodCalls", d.id())
				}
				g = arrange()
			}
			spoil(t, d, ada, g)
			if status, answer := d.call(t, ada, g.path, g.body, g.header()...); status != d.status() {
				t.Errorf("%s %s: %d, want %d: %v", d.method, g.path, status, d.status(), answer)
			}
		})
	}
}

// nobodyHere is a path of an operation whose first parameter names nothing, "" if it
// has none.
func nobodyHere(documented, path string) string {
	path, query, _ := strings.Cut(path, "?")
	segments := strings.Split(path, "/")
	for i, part := range strings.Split(strings.TrimPrefix(documented, apiRoot), "/") {
		if strings.HasPrefix(part, "{") {
			segments[i] = "nobody-here"
			return strings.Join(segments, "/") + "?" + query
		}
	}
	return ""
}

// spoil sends what must be refused: every answer is a documented problem.
func spoil(t *testing.T, d documented, b *browser, g good) {
	t.Helper()
	refused := func(want int, path string, body any, naming string, header ...string) {
		t.Helper()
		status, p := d.call(t, b, path, body, header...)
		if status != want || !strings.Contains(fmt.Sprint(p["detail"]), naming) {
			t.Errorf("%s %s with %.80v: %d %v, want %d naming %q", d.method, path, body, status, p["detail"], want, naming)
		}
	}
	joint := "?"
	if strings.Contains(g.path, "?") {
		joint = "&"
	}
	refused(422, g.path+joint+"bogus=1", g.body, "bogus", g.header()...)
	if elsewhere := nobodyHere(d.path, g.path); elsewhere != "" {
		body := g.body
		if d.id() == "change-user" {
			body = map[string]any{"password": password}
		}
		refused(404, elsewhere, body, "", g.header()...)
	}
	params, _ := d.op["parameters"].([]any)
	for _, p := range params {
		p := p.(map[string]any)
		if s := p["schema"].(map[string]any); p["in"] == "query" && (s["type"] == "integer" || s["enum"] != nil) {
			name := p["name"].(string)
			path, query, _ := strings.Cut(g.path, "?")
			q, _ := url.ParseQuery(query)
			q.Set(name, "bogus")
			refused(422, path+"?"+q.Encode(), g.body, name, g.header()...)
		}
	}
	if g.kind == zipType {
		refused(400, g.path, nil, "zip")
		refused(415, g.path, g.body, zipType, "Content-Type", "multipart/form-data; boundary=x")
		refused(422, g.path, "no zip at all", "", g.header()...)
		refused(422, g.path, g.body.(string)[:100], "", g.header()...)
	}
	if g.kind == fileType {
		refused(400, g.path, nil, "the file itself")
		refused(415, g.path, g.body, fileType, "Content-Type", "multipart/form-data; boundary=x")
		refused(422, g.path, "no firmware at all", "too short", g.header()...)
	}
	if d.body() == nil {
		return
	}
	refused(400, g.path, nil, "body")
	refused(400, g.path, `{"`, "JSON")
	refused(422, g.path, `[]`, "")
	refused(422, g.path, `{"bogus":1}`, "")
	most := cmp.Or(map[string]int{"check-files": maxSource, "add-hotfix": maxSource, "add-commit": maxSource, "start-trial": maxSource, "replace-trial-files": maxSource}[d.id()], maxBody)
	refused(413, g.path, `{"x":"`+strings.Repeat("x", most)+`"}`, fmt.Sprint(most>>20, " MiB"))
	refused(415, g.path, `{}`, "JSON", "Content-Type", "text/plain")
	for name, s := range d.body()["properties"].(map[string]any) {
		if d.resolve(s.(map[string]any))["type"] == nil {
			continue // any JSON
		}
		refused(422, g.path, map[string]any{name: map[string]any{"wrong": 1}}, "")
	}
}

// Statuses that other tests get from these operations are in their documents.
func TestDocumentNamesWhatOperationsAnswer(t *testing.T) {
	want := map[string][]string{"sign-in": {"403"}, "sign-out": {"403"}, "list-apps": {"404"}, "add-hotfix": {"404", "409"}}
	for _, d := range readContract(t, open(t).browser()).operations() {
		for _, code := range want[d.id()] {
			if field(d.op, "responses", code) == nil {
				t.Errorf("%s %s does not name %s", d.method, d.path, code)
			}
		}
		delete(want, d.id())
	}
	if len(want) > 0 {
		t.Errorf("no such operations: %v", want)
	}
}
