package main

import (
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
