package web

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/release"
)

// object and list take members of answers.
func objectAt(v any, names ...string) map[string]any {
	m, _ := field(v, names...).(map[string]any)
	return m
}

func listAt(v any, names ...string) []any {
	l, _ := field(v, names...).([]any)
	return l
}

func TestAppFromItsMakingToItsEnd(t *testing.T) {
	h := open(t)
	ada := h.owner()
	app := ada.want(201, "POST", "/apps", map[string]any{"name": "Greenhouse", "management": 5, "worker": 7})
	id := app["id"].(string)
	if app["by"] != "ada" || app["checked"] != true || app["drafts"] != 0.0 || app["number"].(float64) < 1 || objectAt(app, "newest")["id"] == "" {
		t.Errorf("the new app is %v", app)
	}
	detail := ada.want(200, "GET", "/apps/"+id, nil)
	if pools := listAt(detail, "pools"); len(pools) != 3 {
		t.Errorf("its pools are %v", pools)
	}
	for _, p := range listAt(detail, "pools") {
		if s := objectAt(p, "settings"); s["management"] != 5.0 || s["worker"] != 7.0 || s["os"] != "factory" {
			t.Errorf("the pool %v has the settings %v", field(p, "name"), s)
		}
		if field(p, "default") != (field(p, "name") == "development") {
			t.Errorf("the pool %v is the default: %v", field(p, "name"), field(p, "default"))
		}
	}
	ada.want(409, "POST", "/apps", map[string]any{"name": "greenhouse"})
	ada.want(422, "POST", "/apps", map[string]any{"name": " "})
	ada.want(404, "PATCH", "/apps/"+id, map[string]any{"defaultPool": "nowhere"})
	changed := ada.want(200, "PATCH", "/apps/"+id, map[string]any{"name": "Attic", "checked": false, "admits": true})
	if changed["name"] != "Attic" || changed["checked"] != false || changed["admits"] != true {
		t.Errorf("changed, it is %v", changed)
	}
	ada.want(204, "DELETE", "/apps/"+id, nil)
	ada.want(404, "GET", "/apps/"+id, nil)
	if all := listAt(ada.want(200, "GET", "/apps", nil), "apps"); len(all) != 0 {
		t.Errorf("apps that are left: %v", all)
	}
	h.wantAudit("app.add", "app.change", "app.delete")
}

// wantAudit wants the acts in the audit log, the oldest first.
func (h *house) wantAudit(acts ...string) {
	h.t.Helper()
	entries, err := h.Store.AuditLog(h.t.Context(), roost.Home, 0, 100)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := len(entries) - 1; i >= 0 && len(acts) > 0; i-- {
		if entries[i].Act == acts[0] {
			acts = acts[1:]
		}
	}
	if len(acts) > 0 {
		h.t.Errorf("the audit log lacks %v: %+v", acts, entries)
	}
}

func TestWorkingCopyIsShownAgainstTheNewestCommit(t *testing.T) {
	h := open(t)
	ada := h.owner()
	path := "/apps/" + ada.app("Greenhouse")
	w := h.watch(ada, `{"subscribe":{"types":["app"]}}`)
	saved := ada.want(200, "PUT", path+"/files/helper.py", map[string]any{"content": "x = 1\n"})
	if f := objectAt(saved, "file"); f["state"] != "new" || f["by"] != "ada" || f["size"] != 6.0 || f["at"] == 0.0 {
		t.Errorf("the new file is %v", f)
	}
	if e := w.next(); e["type"] != "app" || e["app"] != path[len("/apps/"):] || e["thing"] != "" {
		t.Errorf("the stream says %v", e)
	}
	ada.want(200, "PUT", path+"/files/worker_task.py", map[string]any{"content": "def broken(:\n"})
	ada.want(204, "DELETE", path+"/files/management_task.py", nil)
	states := func() string {
		got, all := ada.want(200, "GET", path+"/files", nil), ""
		for _, f := range listAt(got, "files") {
			all += field(f, "name").(string) + " " + field(f, "state").(string) + ", "
		}
		return all
	}
	if got := states(); got != "helper.py new, management_task.py deleted, worker_task.py changed, " {
		t.Errorf("the working copy has %s", got)
	}
	problems := listAt(ada.want(200, "GET", path+"/files", nil), "problems")
	if len(problems) == 0 || field(problems[0], "file") == "" || field(problems[0], "text") == "" {
		t.Errorf("its problems are %v", problems)
	}
	if app := ada.want(200, "GET", path, nil); app["drafts"] != 3.0 {
		t.Errorf("the app has %v drafts", app["drafts"])
	}
	renamed := ada.want(200, "POST", path+"/files/helper.py/rename", map[string]any{"to": "other.py"})
	if f := objectAt(renamed, "file"); f["name"] != "other.py" || f["content"] != "x = 1\n" {
		t.Errorf("renamed, the file is %v", f)
	}
	ada.want(409, "POST", path+"/files/other.py/rename", map[string]any{"to": "worker_task.py"})
	ada.want(422, "PUT", path+"/files/..%2Fboot.py", map[string]any{"content": "x"})
	ada.want(404, "DELETE", path+"/files/nothing.py", nil)
	ada.want(200, "POST", path+"/discard", map[string]any{"name": "other.py"})
	ada.want(200, "POST", path+"/discard", map[string]any{})
	if got := states(); got != "management_task.py same, worker_task.py same, " {
		t.Errorf("with everything discarded it has %s", got)
	}
}

func TestCommitWithAFaultIsRefusedAtItsLine(t *testing.T) {
	h := open(t)
	ada := h.owner()
	path := "/apps/" + ada.app("Greenhouse")
	broken := map[string]string{"worker_task.py": goodWorker + "\ndef broken(:\n", "management_task.py": goodManage}
	p := ada.want(422, "POST", path+"/commits", map[string]any{"message": "x", "files": broken})
	first := objectAt(map[string]any{"p": listAt(p, "problems")[0]}, "p")
	if first["file"] != "worker_task.py" || first["line"] != 5.0 || first["column"] != 12.0 || first["severity"] != "error" {
		t.Errorf("the problem is %v", first)
	}
	if detail := p["detail"].(string); !strings.Contains(detail, "worker_task.py") || !strings.Contains(detail, "5") {
		t.Errorf("the refusal says %q", detail)
	}
	if n := len(listAt(ada.want(200, "GET", path+"/commits", nil), "commits")); n != 1 {
		t.Errorf("there are %d commits", n)
	}
	checked := listAt(ada.want(200, "POST", path+"/check", map[string]any{"files": broken}), "problems")
	if len(checked) == 0 || field(checked[0], "line") != 5.0 {
		t.Errorf("a check says %v", checked)
	}
	ada.want(200, "PATCH", path, map[string]any{"checked": false})
	ada.want(201, "POST", path+"/commits", map[string]any{"message": "x", "files": broken})
}

func TestCommitShipsToThePoolsThatFollow(t *testing.T) {
	h := open(t)
	ada := h.owner()
	id := ada.app("Greenhouse")
	path := "/apps/" + id
	h.device("bench", release.Registration{App: roost.AppID(id)})
	first := ada.newest(id)
	ada.want(200, "PUT", path+"/files/worker_task.py", map[string]any{"content": goodWorker})
	made := ada.want(201, "POST", path+"/commits", map[string]any{"message": "Count", "parent": first})
	c := objectAt(made, "commit")
	if c["author"] != "ada" || c["origin"] != "editor" || c["parent"] != first || c["message"] != "Count" || len(listAt(c, "files")) != 2 {
		t.Errorf("the commit is %v", c)
	}
	ships := listAt(made, "ships")
	if len(ships) != 1 || field(ships[0], "pool") != "development" || field(ships[0], "things") != 1.0 {
		t.Errorf("it ships to %v", ships)
	}
	ada.want(409, "POST", path+"/commits", map[string]any{"parent": first, "files": map[string]string{"worker_task.py": "x = 1\n"}})
	ada.want(422, "POST", path+"/commits", map[string]any{})

	tag := ada.want(200, "PUT", path+"/tags/v1.0", map[string]any{"commit": c["id"]})
	if tag["name"] != "v1.0" || tag["commit"] != c["id"] || tag["by"] != "ada" {
		t.Errorf("the tag is %v", tag)
	}
	ada.want(404, "PUT", path+"/tags/v1.1", map[string]any{"commit": "12345"})
	ada.want(422, "PUT", path+"/tags/latest", map[string]any{"commit": c["id"]})
	h.device("bench", release.Registration{App: roost.AppID(id), Version: c["id"].(string)})
	got := ada.want(200, "GET", path+"/commits/"+c["id"].(string), nil)
	if got["running"] != 1.0 || len(listAt(got, "tags")) != 1 || len(listAt(got, "pools")) < 2 {
		t.Errorf("tagged and running, the commit is %v", got)
	}
	restored := objectAt(ada.want(201, "POST", path+"/commits/"+first+"/restore", nil), "commit")
	all := listAt(ada.want(200, "GET", path+"/commits", nil), "commits")
	if len(all) != 3 || field(all[0], "id") != restored["id"] || field(all[2], "id") != first {
		t.Errorf("the commits are %v", all)
	}
	old := ada.want(200, "GET", path+"/files?commit="+c["id"].(string), nil)
	if old["commit"] != c["id"] || old["base"] != restored["id"] || field(listAt(old, "files")[1], "content") != goodWorker {
		t.Errorf("the files of the commit are %v", old)
	}
	ada.want(204, "DELETE", path+"/tags/v1.0", nil)
	ada.want(404, "DELETE", path+"/tags/v1.0", nil)
	h.wantAudit("commit.add", "tag.set", "commit.restore", "tag.delete")
}

func TestPoolsHaveSettingsOfTheirOwn(t *testing.T) {
	h := open(t)
	ada := h.owner()
	id := ada.app("Greenhouse")
	path := "/apps/" + id + "/pools"
	ada.want(201, "POST", path, map[string]any{"name": "attic", "kind": "staging"})
	ada.want(409, "POST", path, map[string]any{"name": "attic"})
	ada.want(422, "POST", path, map[string]any{"name": "a b"})
	p := ada.want(200, "PATCH", path+"/attic", map[string]any{"name": "roof", "settings": map[string]any{"worker": 7, "tls": false, "app": ada.newest(id)}})
	if s := objectAt(p, "settings"); p["name"] != "roof" || s["worker"] != 7.0 || s["tls"] != false || p["commit"] != ada.newest(id) {
		t.Errorf("the pool is %v", p)
	}
	for _, bad := range []map[string]any{{"worker": 0}, {"os": "v9"}, {"app": "nothing"}, {"backend": "http://x"}} {
		ada.want(422, "PATCH", path+"/roof", map[string]any{"settings": bad})
	}
	ada.want(404, "PATCH", path+"/attic", map[string]any{"kind": "production"})
	ada.want(409, "DELETE", path+"/development", nil)
	ada.want(204, "DELETE", path+"/roof", nil)
	ada.want(404, "DELETE", path+"/roof", nil)
	h.wantAudit("pool.add", "pool.change", "pool.delete")
}

func TestZipGoesOutAndComesInAgain(t *testing.T) {
	h := open(t)
	ada := h.owner()
	id := ada.app("Grün & Haus")
	path := "/apps/" + id
	files := map[string]string{"worker_task.py": goodWorker, "management_task.py": goodManage, "helper.py": "x = 1\n"}
	ada.want(201, "POST", path+"/commits", map[string]any{"files": files})
	res, body := ada.send("GET", path+"/zip", nil, "Accept-Encoding", "gzip")
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != zipType || res.Header.Get("Content-Encoding") != "" {
		t.Fatalf("the zip: %d, %v", res.StatusCode, res.Header)
	}
	if name := res.Header.Get("Content-Disposition"); name != "attachment; filename=Gr-n---Haus-"+ada.newest(id)+".zip" {
		t.Errorf("it is called %s", name)
	}
	if got := unzipped(t, body); len(got) != 3 || got["helper.py"] != "x = 1\n" || got["worker_task.py"] != goodWorker {
		t.Errorf("it holds %v", got)
	}
	other := "/apps/" + ada.app("Other")
	made := ada.want(201, "POST", other+"/import?message=From%20there", string(body), "Content-Type", "application/x-zip-compressed")
	if c := objectAt(made, "commit"); c["origin"] != "import" || c["message"] != "From there" || len(listAt(c, "files")) != 3 {
		t.Errorf("imported, the commit is %v", c)
	}
	broken := zipped("worker_task.py", "def broken(:\n")
	if p := ada.want(422, "POST", other+"/import", broken, "Content-Type", zipType); len(listAt(p, "problems")) == 0 {
		t.Errorf("a broken one is refused with %v", p)
	}
	ada.want(422, "POST", other+"/import", zipped("../worker_task.py", "x"), "Content-Type", zipType)
	ada.want(413, "POST", other+"/import", strings.Repeat("x", maxAppZip), "Content-Type", zipType)
	ada.want(404, "GET", path+"/zip?commit=12", nil)
}

func unzipped(t *testing.T, body []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(text)
	}
	return files
}

func TestShelfTakesWholeReleasesOnly(t *testing.T) {
	h := open(t)
	ada := h.owner()
	put := func(status int, version, body string) map[string]any {
		t.Helper()
		return ada.want(status, "POST", "/shelf?version="+version, body, "Content-Type", zipType)
	}
	made := put(201, "v1.1.0", osRelease("v1.1.0"))
	if p := listAt(made, "platforms"); made["version"] != "v1.1.0" || len(p) != 1 || field(p[0], "name") != "Python" || field(p[0], "files") != 2.0 {
		t.Errorf("on the shelf is %v", made)
	}
	put(422, "v1.2.0", osRelease("v1.1.0"))
	put(422, "v1.2.0", zipped("Python/api.py", "pass\n", "Python/files.txt", "file:5:api.py\n"))
	put(422, "..", osRelease(".."))
	res, body := ada.send("GET", "/shelf/v1.1.0/Python.zip", nil)
	if got := unzipped(t, body); res.Header.Get("Content-Type") != zipType || got["version.py"] != "version='v1.1.0'" {
		t.Errorf("the platform's zip holds %v", got)
	}
	ada.want(404, "GET", "/shelf/v1.1.0/Python", nil)
	ada.want(404, "GET", "/shelf/v1.1.0/esp32.zip", nil)
	ada.want(404, "GET", "/shelf/..%2F..%2Fx/Python.zip", nil)
	if all := listAt(ada.want(200, "GET", "/shelf", nil), "releases"); len(all) != 1 {
		t.Errorf("the shelf has %v", all)
	}
	ada.want(204, "DELETE", "/shelf/v1.1.0", nil)
	ada.want(404, "DELETE", "/shelf/v1.1.0", nil)
	h.wantAudit("shelf.add", "shelf.remove")
}

func TestAppsOfAnotherProjectAreNotThere(t *testing.T) {
	h := open(t)
	ada := h.owner()
	if err := h.Store.SaveProject(t.Context(), roost.Project{ID: "other", Name: "Other"}); err != nil {
		t.Fatal(err)
	}
	theirs, err := h.releases.CreateApp(t.Context(), "other", release.NewApp{Name: "Theirs", By: "eve"})
	if err != nil {
		t.Fatal(err)
	}
	path := "/apps/" + string(theirs.ID)
	commits, err := h.releases.Commits(t.Context(), "other", theirs.ID)
	if err != nil {
		t.Fatal(err)
	}
	h.device("bench", release.Registration{})
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"GET", "", nil},
		{"PATCH", "", map[string]any{"name": "Mine"}},
		{"DELETE", "", nil},
		{"GET", "/files", nil},
		{"GET", "/files?commit=" + commits[0].ID, nil},
		{"PUT", "/files/worker_task.py", map[string]any{"content": "x"}},
		{"DELETE", "/files/worker_task.py", nil},
		{"POST", "/files/worker_task.py/rename", map[string]any{"to": "x.py"}},
		{"POST", "/discard", map[string]any{}},
		{"POST", "/check", map[string]any{"files": map[string]string{}}},
		{"GET", "/commits", nil},
		{"GET", "/commits/" + commits[0].ID, nil},
		{"POST", "/commits/" + commits[0].ID + "/restore", nil},
		{"POST", "/commits", map[string]any{"files": map[string]string{"worker_task.py": "x = 1\n"}}},
		{"PUT", "/tags/v1", map[string]any{"commit": commits[0].ID}},
		{"DELETE", "/tags/v1", nil},
		{"GET", "/zip", nil},
		{"POST", "/pools", map[string]any{"name": "x"}},
		{"PATCH", "/pools/development", map[string]any{"kind": "staging"}},
		{"DELETE", "/pools/staging", nil},
		{"POST", "/messages", map[string]any{"value": 1}},
	} {
		ada.want(404, c.method, path+c.path, c.body)
	}
	ada.want(404, "POST", path+"/import", zipped("worker_task.py", goodWorker), "Content-Type", zipType)
	ada.want(404, "PUT", "/things/bench/app", map[string]any{"app": theirs.ID})
	if a, err := h.releases.App("other", theirs.ID); err != nil || a.Name != "Theirs" {
		t.Errorf("their app is %+v now, %v", a, err)
	}
}
