package device_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"io"
	"log"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/roost-iot/roost/device"
	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/wire/agent"
)

// coreLinux is the runtime in a folder, started by run.sh, at a server on loopback;
// serve starts that, more files lie in the folder.
func coreLinux(t *testing.T, app string, serve func(http.Handler) *httptest.Server, more map[string]string) (*desk.Thing, *exec.Cmd) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("run.sh is for POSIX shells")
	}
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3 here")
	}
	s := desk.NewServer(desk.ServerConfig{})
	front := serve(s)
	t.Cleanup(s.Close)
	t.Cleanup(front.Close)
	t.Cleanup(front.CloseClientConnections)
	thing := s.Enrol("", agent.Key{})
	if tls := front.Certificate(); tls != nil {
		more = merged(map[string]string{"_s/ca.der": string(tls.Raw)}, more)
	}
	dir := linuxFolder(t, thing, front.URL, app, more)
	run := exec.Command("/bin/sh", filepath.Join(dir, "run.sh"))
	kill := grouped(run)
	run.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	run.Stderr = run.Stdout
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	var reading sync.WaitGroup
	reading.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			printed.WriteString(lines.Text() + "\n")
		}
	})
	t.Cleanup(func() {
		_ = run.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(corePatience, func() {
			t.Error("run.sh does not end")
			kill()
		})
		reading.Wait()
		_ = run.Wait()
		late.Stop()
		if t.Failed() {
			t.Log(printed.String())
		}
	})
	return thing, run
}

// linuxFolder has the runtime for computers, an app and more files.
func linuxFolder(t *testing.T, thing *desk.Thing, url, app string, more ...map[string]string) string {
	t.Helper()
	files, err := device.Files("python")
	if err != nil {
		t.Fatal(err)
	}
	files["_s/key"] = `{"id":"` + thing.ID + `","key":"` + thing.Key().String() + `"}`
	files["settings.json"] = `{"server":"` + url + `","trial":1}`
	files["_s/app"] = `{"run":"_p","ver":"1","prev":"","pver":"","bad":[],"n":0}`
	files["_p/app.py"] = app
	for _, m := range more {
		maps.Copy(files, m)
	}
	return coreFolder(t, files)
}

// Whoever tells a thing to end is obeyed: before Python listens to signals, and by an app that takes them.
func TestLinuxThingEndsWhenToldTo(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("run.sh is for POSIX shells")
	}
	for name, c := range map[string]struct{ python, app string }{
		"before Python listens": {"#!/bin/sh\ntrap '' TERM\necho waits\nsleep 2\nexec python3 \"$@\"\n", ""},
		"while Python drops it": {"", `
import time
class Gone:
    def __del__(self):
        print("waits")
        time.sleep(1)
Gone()
async def run():
    pass
`},
		"while it is busy": {"", `
import time
while True:
    try:
        print("waits")
        time.sleep(100)
    except KeyboardInterrupt:
        pass
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := desk.NewServer(desk.ServerConfig{})
			front := httptest.NewServer(s)
			t.Cleanup(s.Close)
			t.Cleanup(front.Close)
			t.Cleanup(front.CloseClientConnections)
			dir := linuxFolder(t, s.Enrol("", agent.Key{}), front.URL, c.app)
			run := exec.Command("/bin/sh", filepath.Join(dir, "run.sh"))
			kill := grouped(run)
			run.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
			if c.python != "" {
				if err := os.WriteFile(filepath.Join(dir, "python"), []byte(c.python), 0o700); err != nil {
					t.Fatal(err)
				}
				run.Env = append(run.Env, "PYTHON=./python")
			}
			out, err := run.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			run.Stderr = run.Stdout
			if err := run.Start(); err != nil {
				t.Fatal(err)
			}
			late := time.AfterFunc(corePatience, func() {
				t.Error("it does not end")
				kill()
			})
			defer late.Stop()
			for lines := bufio.NewScanner(out); lines.Scan(); {
				if lines.Text() == "waits" {
					_ = run.Process.Signal(syscall.SIGTERM)
				}
			}
			if err := run.Wait(); err != nil {
				t.Errorf("run.sh ended with %v", err)
			}
		})
	}
}

func TestLinuxThingLives(t *testing.T) {
	thing, run := coreLinux(t, coreCounter(2)["app.py"], httptest.NewServer, nil)
	v := coreWait(t, thing, "its messages", func(v desk.View) bool { return len(v.Messages()) == 2 })
	if v.Register.Profile != "python" || v.Register.Reset != "power on" || !strings.HasPrefix(v.Register.Python, "cpython 3.") || len(v.Register.MAC) != 12 {
		t.Errorf("registered %+v", v.Register)
	}
	ctx, cancel := context.WithTimeout(t.Context(), corePatience)
	defer cancel()
	if ack, err := thing.Send(ctx, "restart", nil); err != nil || !ack.OK {
		t.Fatalf("restart: %+v, %v", ack, err)
	}
	v = coreWait(t, thing, "the next start", func(v desk.View) bool { return v.Boots == 2 && len(v.Messages()) == 4 })
	if v.Register.Reset != "planned" {
		t.Errorf("it says %q", v.Register.Reset)
	}
	coreOffer(t, thing, desk.App("2", map[string]string{"app.py": coreAnswers}))
	coreWait(t, thing, "the new app", func(v desk.View) bool { return v.Reported("app", "2", agent.Confirmed) })
	if ack, err := thing.Send(ctx, "message", "hi"); err != nil || !ack.OK {
		t.Errorf("message: %+v, %v", ack, err)
	}
	if err := run.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(corePatience, func() {
		t.Error("run.sh does not end")
		grouped(run)()
	})
	defer late.Stop()
	if err := run.Wait(); err != nil {
		t.Errorf("run.sh ended with %v", err)
	}
}

func TestLinuxThingGoesBackFromABrokenRuntime(t *testing.T) {
	thing, _ := coreLinux(t, coreCounter(1)["app.py"], httptest.NewServer, nil)
	coreWait(t, thing, "its message", func(v desk.View) bool { return len(v.Messages()) == 1 })
	files, err := device.Files("python")
	if err != nil {
		t.Fatal(err)
	}
	release := map[string]string{}
	for name, text := range files {
		if rest, ok := strings.CutPrefix(name, "_f/"); ok {
			release[rest] = text
		}
	}
	release["rt/__init__.py"], release["rt/link.py"] = "VERSION = \"1.0.1\"\n", "import os\nos._exit(3)\n"
	coreOffer(t, thing, desk.Runtime("1.0.1", release))
	v := coreWait(t, thing, "it returned", func(v desk.View) bool { return v.Reported("os", "1.0.1", agent.Returned) })
	if v.OS() != device.Version() {
		t.Errorf("%q runs", v.OS())
	}
}

func TestLinuxThingChecksCertificates(t *testing.T) {
	quiet := func(h http.Handler) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		return s
	}
	thing, _ := coreLinux(t, coreCounter(2)["app.py"], quiet, nil)
	coreWait(t, thing, "its messages over TLS", func(v desk.View) bool { return len(v.Messages()) == 2 })

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	other, err := x509.CreateCertificate(rand.Reader, name, name, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	thing, run := coreLinux(t, coreCounter(1)["app.py"], quiet, map[string]string{"_s/ca.der": string(other)})
	deadline := time.Now().Add(corePatience)
	for refused := false; !refused; {
		text, _ := os.ReadFile(filepath.Join(filepath.Dir(run.Args[1]), "main_log_0.txt"))
		refused = strings.Contains(string(text), "CERTIFICATE_VERIFY_FAILED")
		if !refused && time.Now().After(deadline) {
			t.Fatalf("it logs %s", text)
		}
		time.Sleep(20 * time.Millisecond) // polls a file
	}
	if v := thing.View(); v.Hellos != 0 {
		t.Errorf("it said hello %d times to whom it cannot trust", v.Hellos)
	}
}
