package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shop is a server and the command line of its machine.
type shop struct {
	t *testing.T
	*server
}

// does wants a command to end well, and gives what it printed.
func (s shop) does(args ...string) string {
	s.t.Helper()
	status, out, errs := cli(s.t, append(args, "--data", s.data)...)
	if status != 0 {
		s.t.Fatalf("roost %s: %s", strings.Join(args, " "), errs)
	}
	return strings.TrimSpace(out)
}

// refuses wants a command to fail and to say why.
func (s shop) refuses(why string, args ...string) {
	s.t.Helper()
	status, out, errs := cli(s.t, append(args, "--data", s.data)...)
	if status == 0 || !strings.Contains(errs, why) {
		s.t.Errorf("roost %s ended with %d: %s%s; want %q", strings.Join(args, " "), status, out, errs, why)
	}
}

func (s shop) write(dir, name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s shop) says(what, out string, parts ...string) {
	s.t.Helper()
	for _, p := range parts {
		if !strings.Contains(out, p) {
			s.t.Errorf("%s has no %q:\n%s", what, p, out)
		}
	}
}

func TestAppFromTheCommandLine(t *testing.T) {
	s := shop{t, serve(t, t.TempDir())}
	s.says("no apps", s.does("app", "ls"), "roost app new NAME")
	id := s.does("app", "new", "Greenhouse", "--management", "5s")
	s.says("apps", s.does("app", "ls"), "Greenhouse", id)
	s.refuses("already", "app", "new", "greenhouse")

	dir := filepath.Join(t.TempDir(), "here")
	s.does("app", "tag", "Greenhouse", "v1")
	s.says("pull", s.does("app", "pull", "Greenhouse", dir), "2 files of Greenhouse")
	s.write(dir, "helper.py", "x = 1\n")
	s.says("diff of the folder", s.does("app", "diff", dir), "+x = 1")
	s.says("push", s.does("app", "push", dir, "-m", "A helper"), "commit ", "in development")
	s.says("log", s.does("app", "log", "Greenhouse"), "A helper", "v1", "The first files")
	s.says("diff of commits", s.does("app", "diff", "Greenhouse"), "+x = 1")
	s.says("diff with a tag", s.does("app", "diff", "Greenhouse", "v1"), "--- v1/helper.py", "+x = 1")
	if out := s.does("app", "diff", "Greenhouse", "v1", "v1"); out != "" {
		t.Errorf("a commit differs from itself:\n%s", out)
	}
	s.refuses(`no commit and no tag "v9"`, "app", "diff", "Greenhouse", "v9")
	s.refuses("Nothing has changed", "app", "push", dir, "-m", "The same again")

	s.says("settings", s.does("app", "settings", "Greenhouse", "worker=7", "--pool", "production"), "production", "worker", "7")
	s.refuses(`"settings.worker" is not right`, "app", "settings", "Greenhouse", "worker=0")
	s.refuses("is no setting", "app", "settings", "Greenhouse", "colour=red")
}

// A folder that was pulled at a tag knows the commit, so that nothing newer is lost.
func TestPushFromAnOldFolderIsRefused(t *testing.T) {
	s := shop{t, serve(t, t.TempDir())}
	s.does("app", "new", "Greenhouse")
	s.does("app", "tag", "Greenhouse", "v1")
	now, old := filepath.Join(t.TempDir(), "now"), filepath.Join(t.TempDir(), "old")
	s.does("app", "pull", "Greenhouse", now)
	s.write(now, "helper.py", "x = 1\n")
	s.does("app", "push", now, "-m", "A helper")
	s.says("pull", s.does("app", "pull", "Greenhouse", old, "--commit", "v1"), "2 files")
	s.write(old, "helper.py", "x = 2\n")
	s.refuses("newer commit", "app", "push", old, "-m", "Another helper")
	s.says("push", s.does("app", "push", old, "-m", "Another helper", "--force"), "commit ")

	s.refuses("differs from what would come", "app", "pull", "Greenhouse", now)
	s.does("app", "pull", "Greenhouse", now, "--force")
	if text, err := os.ReadFile(filepath.Join(now, "helper.py")); err != nil || string(text) != "x = 2\n" {
		t.Errorf("pulled %q, %v", text, err)
	}
}
