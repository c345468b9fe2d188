package e2e

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pool is what the API tells of a pool; appDetail of an app, madeCommit of a commit.
type (
	pool struct {
		Name, Kind, Commit string
		Default            bool
		Settings           struct {
			OS, App            string
			Management, Worker int
			TLS                bool
		}
	}
	commit struct {
		ID, Parent, Message, Author, Origin string
		Tags, Pools                         []string
		Files                               []struct{ Name string }
	}
	appDetail struct {
		ID, Name string
		Drafts   int
		Newest   commit
		Pools    []pool
	}
	madeCommit struct {
		Commit commit
		Ships  []struct{ Pool string }
	}
)

func (a appDetail) pool(name string) pool {
	i := slices.IndexFunc(a.Pools, func(p pool) bool { return p.Name == name })
	if i < 0 {
		return pool{}
	}
	return a.Pools[i]
}

// app gives an app as it stands.
func (s *server) app(id string) (a appDetail) {
	s.t.Helper()
	s.call("GET", "/apps/"+id, nil, &a)
	return a
}

// refuse wants a call to be refused, and gives the problem.
func (s *server) refuse(want int, method, path string, body any) (p struct {
	Detail   string
	Problems []struct {
		File, Text, Severity string
		Line                 int
	}
},
) {
	s.t.Helper()
	status, text, err := s.ask(method, path, body)
	if err != nil || status != want {
		s.t.Fatalf("%s %s: %d, %v, want %d: %s", method, path, status, err, want, text)
	}
	if err := json.Unmarshal(text, &p); err != nil || p.Detail == "" {
		s.t.Fatalf("%s %s: no problem with a sentence: %s", method, path, text)
	}
	return p
}

// archive sends or fetches a zip, as curl does with --data-binary.
func (s *server) archive(method, path string, body []byte) (int, http.Header, []byte) {
	s.t.Helper()
	ctx, stop := context.WithTimeout(s.t.Context(), patience)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.http+"/api/v2"+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", "application/zip")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, res.Header, text
}

func TestAppByTheAPIAlone(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, data)
	var made appDetail
	s.call("POST", "/apps", map[string]any{"name": "Green & house", "management": 5, "worker": 10}, &made)
	first := s.app(made.ID)
	if len(first.Pools) != 3 || first.pool("development").Settings.Worker != 10 || !first.pool("development").Default {
		t.Fatalf("the new app is %+v", first)
	}
	at := "/apps/" + made.ID

	// What is saved is kept and goes nowhere before it is committed.
	s.call("PUT", at+"/files/helper.py", map[string]any{"content": "def twice(x):\n    return 2 * x\n"}, nil)
	s.call("PUT", at+"/files/worker_task.py", map[string]any{"content": "class WorkerTask(object):\n    def call(self)\n        return 1\n"}, nil)
	if now := s.app(made.ID); now.Drafts != 2 || now.pool("development").Commit != first.Newest.ID {
		t.Errorf("with two drafts the app is %+v", now)
	}
	if tags == "vm" {
		p := s.refuse(422, "POST", at+"/commits", map[string]any{"message": "Broken"})
		if len(p.Problems) == 0 || p.Problems[0].File != "worker_task.py" || p.Problems[0].Line != 2 || p.Problems[0].Severity != "error" {
			t.Errorf("the syntax error is refused with %+v", p)
		}
	}
	s.call("PUT", at+"/files/worker_task.py", map[string]any{"content": strings.ReplaceAll(sensorWorker, "%s", "1")}, nil)
	var c madeCommit
	s.call("POST", at+"/commits", map[string]any{"message": "Count", "parent": first.Newest.ID}, &c)
	if len(c.Commit.Files) != 3 || c.Commit.Parent != first.Newest.ID || len(c.Ships) == 0 {
		t.Errorf("the commit is %+v", c)
	}
	s.refuse(409, "POST", at+"/commits", map[string]any{"parent": first.Newest.ID, "files": map[string]string{"worker_task.py": "x = 1\n"}})
	s.call("PUT", at+"/tags/v1.0", map[string]any{"commit": c.Commit.ID}, nil)
	s.call("POST", at+"/pools", map[string]any{"name": "attic", "kind": "production"}, nil)
	s.call("PATCH", at+"/pools/attic", map[string]any{"settings": map[string]any{"app": "v1.0", "tls": false}}, nil)
	s.refuse(422, "PATCH", at+"/pools/attic", map[string]any{"settings": map[string]any{"worker": -1}})
	s.refuse(409, "DELETE", at+"/pools/development", nil)

	status, header, zipped := s.archive("GET", at+"/zip?commit="+c.Commit.ID, nil)
	z, err := zip.NewReader(bytes.NewReader(zipped), int64(len(zipped)))
	if status != 200 || err != nil || len(z.File) != 3 || !strings.Contains(header.Get("Content-Disposition"), "Green---house") {
		t.Fatalf("the zip: %d, %v, %v", status, err, header)
	}
	var other appDetail
	s.call("POST", "/apps", map[string]any{"name": "Copy"}, &other)
	status, _, text := s.archive("POST", "/apps/"+other.ID+"/import?message="+url.QueryEscape("From the other"), zipped)
	if status != 201 || json.Unmarshal(text, &c) != nil || c.Commit.Origin != "import" || len(c.Commit.Files) != 3 {
		t.Errorf("the import: %d %s", status, text)
	}
	if status, _, text := s.archive("POST", "/apps/"+other.ID+"/import", zipped[:50]); status != 422 {
		t.Errorf("half a zip: %d %s", status, text)
	}

	// All of it is there after a power cut.
	s.call("PUT", at+"/files/helper.py", map[string]any{"content": "x = 1\n"}, nil)
	before := s.app(made.ID)
	s.kill()
	s = start(t, data)
	after := s.app(made.ID)
	if after.Drafts != 1 || after.Newest.ID != before.Newest.ID || !slices.Equal(after.Pools, before.Pools) || after.pool("attic").Commit != before.Newest.ID {
		t.Errorf("after a power cut the app is %+v, was %+v", after, before)
	}
	s.call("DELETE", at, nil, nil)
	s.refuse(404, "GET", at, nil)
}
