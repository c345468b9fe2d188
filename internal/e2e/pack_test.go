//go:build unix

package e2e

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// computer is a folder with Roost's runtime on CPython, and run.sh in it.
type computer struct {
	t   *testing.T
	id  string
	dir string
	run *exec.Cmd
	out *screen
}

// unpack does what unzip does.
func unpack(t *testing.T, file, to string) {
	t.Helper()
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, f := range z.File {
		name := filepath.Join(to, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err == nil {
			err = os.WriteFile(name, text, f.Mode().Perm())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// start runs run.sh, and all that it starts, until the test ends.
func (c *computer) start() {
	c.t.Helper()
	c.run = exec.Command("./run.sh")
	c.run.Dir = c.dir
	c.run.Env = append(os.Environ(), "PYTHON="+anyPython(c.t))
	c.run.Stdout, c.run.Stderr = c.out, c.out
	c.run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.run.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = syscall.Kill(-c.run.Process.Pid, syscall.SIGKILL) // it and its children
		_ = c.run.Wait()
		if c.t.Failed() {
			c.t.Logf("%s printed:\n%s", c.id, c.out)
		}
	})
}

// python is the process that run.sh runs, 0 while there is none.
func (c *computer) python() int {
	tasks, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", c.run.Process.Pid))
	if err != nil {
		c.t.Skip("this system does not tell who the children of a process are: ", err)
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(strings.SplitN(string(tasks), " ", 2)[0]))
	return pid
}

// boots is how often it has started and come to Roost.
func (c *computer) boots(s *server) int {
	c.t.Helper()
	var told struct{ Boots []any }
	s.call("GET", "/things/"+c.id+"/boots", nil, &told)
	return len(told.Boots)
}

func TestPackMakesAComputerAThing(t *testing.T) {
	s := start(t, filepath.Join(t.TempDir(), "data"), "--durability", "commit")
	a := s.newApp("Sensors", map[string]string{"worker_task.py": fmt.Sprintf(sensorWorker, "20.5"), "management_task.py": echoManager})
	dir := t.TempDir()
	file := filepath.Join(dir, "roof.zip")
	said := run(t, "thing", "pack", "--name", "Roof", "--app", "Sensors", "--backend", s.http, "-o", file, "--data", s.data)
	unpack(t, file, dir)
	c := &computer{t: t, dir: filepath.Join(dir, "Roof"), out: &screen{}}
	_, after, _ := strings.Cut(said, "thing ")
	c.id, _, _ = strings.Cut(after, ",")
	if info, err := os.Stat(filepath.Join(c.dir, "_s", "key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", info, err)
	}
	settings := fmt.Sprintf(`{"server":"http://%s","trial":1}`, s.http) // the next version need not wait for a minute
	if err := os.WriteFile(filepath.Join(c.dir, "settings.json"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	c.start()
	temperature := func(want string) {
		t.Helper()
		eventually(t, "its app says "+want, func() bool {
			h, ok := s.thing(c.id)
			return ok && h.Online && h.value("temperature_C") == want
		})
	}
	temperature("20.5")
	if h, _ := s.thing(c.id); h.Name != "Roof" || h.State != "enrolled" {
		t.Errorf("the thing is %+v", h)
	}
	if result, ended := s.fetched(c.id, "message", "hello"); ended.State != "done" || result != "Got hello" {
		t.Errorf("the message: %+v, %q", ended, result)
	}
	s.ship(a.ID, map[string]string{"worker_task.py": fmt.Sprintf(sensorWorker, "21.25")})
	temperature("21.25")
	s = c.survivesKills(s)
	s.ship(a.ID, map[string]string{"worker_task.py": fmt.Sprintf(sensorWorker, "22.75")})
	temperature("22.75")
}

// survivesKills ends the thing, then the server, as a power cut would. It gives the
// server that runs then.
func (c *computer) survivesKills(s *server) *server {
	t := c.t
	t.Helper()
	var before int
	eventually(t, "run.sh runs it", func() bool { before = c.python(); return before > 0 })
	boots := c.boots(s)
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// what is said before could go out with the call that the kill has cut
	eventually(t, "run.sh starts it again", func() bool { return c.boots(s) > boots })
	for _, killed := range []string{"thing", "server"} {
		if killed == "server" {
			at := s.http
			s.kill()
			s = start(t, s.data, "--durability", "commit", "--http", at)
		}
		if result, ended := s.fetched(c.id, "message", killed); ended.State != "done" || result != "Got "+killed {
			t.Errorf("the message after the %s was killed: %+v, %q", killed, ended, result)
		}
	}
	return s
}
