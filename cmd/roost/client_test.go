package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestOwnersTokenGoesToNoOtherServer(t *testing.T) {
	data := t.TempDir()
	if err := (local{URL: "http://127.0.0.1:8080", Token: "rst_local"}).write(data); err != nil {
		t.Fatal(err)
	}
	c, err := remote{Server: "http://127.0.0.1:8080/", Data: data}.client()
	if err != nil || c.Token != "rst_local" {
		t.Errorf("this machine's own: %+v, %v", c, err)
	}
	if c, err := (remote{Server: "http://198.51.100.1", Data: data}).client(); err == nil || !strings.Contains(err.Error(), "--token") {
		t.Errorf("another machine's: %+v, %v", c, err)
	}
	if c, err := (remote{Server: "http://198.51.100.1/", Token: "rst_there", Data: data}).client(); err != nil || c.URL != "http://198.51.100.1" {
		t.Errorf("another machine's, with its token: %+v, %v", c, err)
	}
}

func TestTerminalDoesNotObeyAThing(t *testing.T) {
	if got := onOneLine("Attic\x1b[2J\r\n24.1°C\u202e\u009b"); got != "Attic [2J  24.1°C  " {
		t.Errorf("printed as %q", got)
	}
}

func TestFaultsAreToldOnce(t *testing.T) {
	for body, want := range map[string]string{
		`{"detail":"Too long.","errors":[{"message":"Too long.","location":"body.name"}]}`:                                        "Too long.",
		`{"detail":"Wrong.","errors":[{"message":"Wrong.","location":"a"},{"message":"Short.","location":"b"}]}`:                  "Wrong. (b: Short.)",
		`{"detail":"No: a.py, line 3: bad","problems":[{"file":"a.py","line":3,"text":"bad","severity":"error"}]}`:                "No: a.py, line 3: bad",
		`{"detail":"No: ä.py: bad","problems":[{"file":"ä.py","text":"bad"},{"file":"b.py","text":"gone","severity":"warning"}]}`: "No: ä.py: bad\n  b.py: warning: gone",
	} {
		if got := problem("422", []byte(body)).Error(); got != want {
			t.Errorf("%s\nis told as %q, want %q", body, got, want)
		}
	}
}

func TestWhereNoRoostIsKnown(t *testing.T) {
	dir := t.TempDir()
	if _, err := (remote{Server: "198.51.100.1:8080", Data: filepath.Join(dir, "roost-data")}).client(); err == nil || !strings.Contains(err.Error(), "give --token") {
		t.Errorf("a server without a token: %v", err)
	}
	if c, err := (remote{Server: "198.51.100.1:8080/", Token: "rst_there"}).client(); err != nil || c.URL != "http://198.51.100.1:8080" {
		t.Errorf("a server without http://: %+v, %v", c, err)
	}
	demo := filepath.Join(dir, "roost-demo")
	if err := (local{URL: "http://127.0.0.1:8080"}).write(demo); err != nil {
		t.Fatal(err)
	}
	if _, err := (remote{Data: filepath.Join(dir, "roost-data")}).client(); err == nil || !strings.Contains(err.Error(), "--data "+demo) {
		t.Errorf("beside a demo: %v", err)
	}
}
