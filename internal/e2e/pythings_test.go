package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// anyPython gives a Python 3, whatever it has.
func anyPython(t testing.TB) string {
	t.Helper()
	for _, path := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(path, "-c", "import ssl").Run() == nil {
			return path
		}
	}
	if os.Getenv("ROOST_NEED_PEERS") == "1" {
		t.Fatal("there is no Python 3")
	}
	t.Skip("skipped: there is no Python 3")
	return ""
}

// app is what the API tells of an app.
type app struct {
	ID    string
	Pools []struct{ Name, Commit string }
}

// newApp makes an app whose things come every tick.
func (s *server) newApp(name string, files map[string]string) (a app) {
	s.t.Helper()
	s.call("POST", "/apps", map[string]any{"name": name, "management": 1, "worker": 1, "latest": true, "os": "factory"}, &a)
	if files != nil {
		s.ship(a.ID, files)
	}
	return a
}

// ship commits files and gives the commit's id.
func (s *server) ship(app string, files map[string]string) string {
	s.t.Helper()
	for name, content := range files {
		s.call("PUT", "/apps/"+app+"/files/"+name, map[string]any{"content": content}, nil)
	}
	var made struct{ Commit struct{ ID string } }
	s.call("POST", "/apps/"+app+"/commits", map[string]any{"message": "for the test"}, &made)
	return made.Commit.ID
}

// pool changes settings of an app's development pool.
func (s *server) pool(app string, settings map[string]any) {
	s.t.Helper()
	s.call("PATCH", "/apps/"+app+"/pools/development", map[string]any{"settings": settings}, nil)
}

// pythingsOS starts the device of testdata/pythingsos with its files in root.
func (s *server) pythingsOS(root, aid, tid string, more ...string) *party {
	s.t.Helper()
	args := append([]string{
		"-B", filepath.Join("testdata", "pythingsos", "device.py"), "--backend", s.http, "--aid", aid, "--tid", tid,
		"--root", root, "--pause", "0.2", "--tick", "0.1",
	}, more...)
	return join(s.t, nil, anyPython(s.t), args...)
}

// fetched sends a command that the thing fetches, and awaits its end.
func (s *server) fetched(id, kind string, value any) (result string, c command) {
	s.t.Helper()
	var made command
	s.call("POST", "/things/"+id+"/commands", map[string]any{"kind": kind, "value": value}, &made)
	var ended struct {
		command
		Result json.RawMessage
	}
	eventually(s.t, kind+" ends", func() bool {
		s.call("GET", "/commands/"+made.ID, nil, &ended)
		return ended.State != "queued" && ended.State != "sent"
	})
	var said any // a device's own escapes are no news
	if err := json.Unmarshal(ended.Result, &said); err != nil {
		s.t.Fatalf("%s answered %s", id, ended.Result)
	}
	result, _ = said.(string)
	return result, ended.command
}

const sensorWorker = `class WorkerTask(object):
    def call(self):
        return {'temperature_C': %s}
`

const echoManager = `class ManagementTask(object):
    def call(self, data):
        return 'Got ' + str(data)
`

func TestPythingsOSFromNothingToItsApp(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"))
	a := s.newApp("Sensors", map[string]string{"worker_task.py": fmt.Sprintf(sensorWorker, "20.5"), "management_task.py": echoManager})
	s.pool(a.ID, map[string]any{"tls": false})
	d := s.pythingsOS(t.TempDir(), a.ID, "A4CF12B3D5E6")
	d.await(`{"what": "failed", "path": "/things/register/"`) // it waits for a person
	s.approve("A4CF12B3D5E6")

	// The first boot is over TLS; it gets its settings, boots, gets its app, boots, runs.
	d.await(`{"what": "update", "of": "Settings"}`)
	d.await(`{"what": "update", "of": "App"}`)
	d.await(`{"what": "worker", "value": {"temperature_C": 20.5}}`)
	s.awaitValue("A4CF12B3D5E6", "temperature_C", "20.5")
	if said, c := s.fetched("A4CF12B3D5E6", "message", "caffè & more"); said != "Got caffè & more" || c.State != "done" {
		t.Errorf("M02, M03, T06: %s %s %s", c.State, said, c.Error)
	}
	if said, _ := s.fetched("A4CF12B3D5E6", "shell", "print(1+1)"); said != "2\n" {
		t.Errorf("M06: %s", said)
	}
	if said, _ := s.fetched("A4CF12B3D5E6", "shell", "1/0"); !strings.HasSuffix(said, "ZeroDivisionError: division by zero\n") {
		t.Errorf("M07: %s", said)
	}
	s.ship(a.ID, map[string]string{"worker_task.py": fmt.Sprintf(sensorWorker, "30.25")})
	s.awaitValue("A4CF12B3D5E6", "temperature_C", "30.25")

	var soft struct {
		UpToDate bool
		Statuses []struct {
			Part, Text, Error string
			OK                bool
		}
	}
	s.ship(a.ID, map[string]string{"worker_task.py": "class WorkerTask(object):\n    def call(self):\n        raise ValueError('boom')\n"})
	eventually(t, "its fault is told", func() bool {
		s.call("GET", "/things/A4CF12B3D5E6/software", nil, &soft)
		for _, p := range soft.Statuses {
			if p.Part == "worker" && strings.Contains(p.Error, "ValueError") && strings.Contains(p.Error, "Traceback") {
				return true
			}
		}
		return false
	})
	s.endsWell()
}

func TestPythingsOSInPayloadEncryption(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "open")
	a := s.newApp("Hidden", map[string]string{"worker_task.py": fmt.Sprintf(sensorWorker, "1.5"), "management_task.py": echoManager})
	s.pool(a.ID, map[string]any{"tls": false, "encrypt": true})
	var keys struct{ Modulus string }
	s.call("GET", "/pythings", nil, &keys)
	d := s.pythingsOS(t.TempDir(), a.ID, "5ECF7F0A1B2C", "--modulus", keys.Modulus)
	d.await(`{"what": "registered", "encrypted": true}`)
	d.await(`{"what": "worker", "value": {"temperature_C": 1.5}}`)
	s.awaitValue("5ECF7F0A1B2C", "temperature_C", "1.5")
	if said, c := s.fetched("5ECF7F0A1B2C", "message", "a"); said != "Got a" {
		t.Errorf("%s %s %s", c.State, said, c.Error)
	}
	// A message with & reaches the device whole; the answer loses it on the device's side.
	var made command
	s.call("POST", "/things/5ECF7F0A1B2C/commands", map[string]any{"kind": "message", "value": "a & b"}, &made)
	d.await(fmt.Sprintf(`{"what": "message", "mid": "%s", "message": "a & b"`, made.ID))

	// S17: code with & arrives unharmed, and the encryption comes back.
	s.ship(a.ID, map[string]string{"worker_task.py": "class WorkerTask(object):\n    def call(self):\n        return {'bits': 6 & 3}\n"})
	d.await(`{"what": "registered", "encrypted": false}`)
	d.await(`{"what": "registered", "encrypted": true}`)
	d.await(`{"what": "worker", "value": {"bits": 2}}`)
	s.endsWell()
}

func TestPythingsOSGoesOnWhenTheServerIsKilled(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := start(t, data, "--enrol", "open", "--durability", "commit")
	a := s.newApp("Lasting", map[string]string{"worker_task.py": fmt.Sprintf(sensorWorker, "1"), "management_task.py": echoManager})
	s.pool(a.ID, map[string]any{"tls": false})
	d := s.pythingsOS(t.TempDir(), a.ID, "AABBCCDDEEFF")
	d.await(`{"what": "worker"`)
	s.kill()
	d.await(`{"what": "failed"`)
	at := s.http
	s = start(t, data, "--enrol", "open", "--durability", "commit", "--http", at)
	d.await(`{"what": "worker"`)
	if said, c := s.fetched("AABBCCDDEEFF", "message", "there?"); said != "Got there?" {
		t.Errorf("after the server was killed: %s %s %s", c.State, said, c.Error)
	}
	registered := 0
	for _, line := range d.all() {
		if strings.HasPrefix(line, `{"what": "registered"`) {
			registered++
		}
	}
	if registered > 3 {
		t.Errorf("it registered %d times: three boots make it run, and no other was needed", registered)
	}
	s.endsWell()
}

func TestOldBoardOverTLS(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"), "--enrol", "open", "--tls-legacy", "on")
	a := s.newApp("Boards", map[string]string{"worker_task.py": fmt.Sprintf(sensorWorker, "7"), "management_task.py": echoManager})
	d := s.pythingsOS(t.TempDir(), a.ID, "5ECF7F000001", "--ciphers", "AES128-SHA:AES128-SHA256:AES256-SHA:@SECLEVEL=0")
	d.await(`{"what": "worker", "value": {"temperature_C": 7}}`)
	s.awaitValue("5ECF7F000001", "temperature_C", "7")
	s.endsWell()
}
