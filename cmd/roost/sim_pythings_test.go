package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestSimPythingsRegisters(t *testing.T) {
	came := make(chan map[string]any, 10)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body)
		select {
		case came <- body:
		default:
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer backend.Close()
	ctx, cancel := context.WithCancel(t.Context())
	status := make(chan int, 1)
	var out bytes.Buffer
	go func() {
		status <- run(ctx, []string{
			"sim", "pythings", "--to", strings.TrimPrefix(backend.URL, "http://"), "--aid", "an-app", "--tid-prefix", "board-", "--tls", "off",
			"--platform", "esp32", "--version", "v1.0.0", "--frozen", "--pool", "staging",
		}, console{out: &out, err: io.Discard})
	}()
	select {
	case got := <-came:
		for name, want := range map[string]any{
			"tid": "board-1", "aid": "an-app", "platform": "esp32", "pythings_version": "v1.0.0", "frozen": true, "pool": "staging", "app_version": "0",
		} {
			if got[name] != want {
				t.Errorf("%s is %v, want %v", name, got[name], want)
			}
		}
	case <-time.After(time.Minute):
		t.Error("nothing came")
	}
	cancel()
	if got := <-status; got != 0 {
		t.Errorf("it ended with %d: %s", got, &out)
	}
}

func TestSimPythingsSaysWhatIsWrong(t *testing.T) {
	for want, args := range map[string][]string{
		"--aid":      {},
		"cuts":       {"--aid", "a", "--faults", "fire"},
		"--modulus":  {"--aid", "a", "--encrypted"},
		"decimal":    {"--aid", "a", "--encrypted", "--modulus", "12"},
		"platform":   {"--aid", "a", "--platform", "Amiga"},
		"must be on": {"--aid", "a", "--tls", "maybe"},
	} {
		var out bytes.Buffer
		if status := run(t.Context(), append([]string{"sim", "pythings"}, args...), console{out: &out, err: &out}); status == 0 || !strings.Contains(out.String(), want) {
			t.Errorf("%v ended with %d: %s", args, status, &out)
		}
	}
}
