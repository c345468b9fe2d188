package main

import (
	"context"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost/sim"
)

// addressOf gives where a door of a running server listens.
func addressOf(t *testing.T, s *server, door string) string {
	t.Helper()
	m := regexp.MustCompile(`"` + door + `","address":"([^"]+)"`).FindStringSubmatch(get(t, s, "/system"))
	if m == nil {
		t.Fatalf("no address of %s in %s", door, get(t, s, "/system"))
	}
	return m[1]
}

func TestSimulatedThingsOverMQTTAndMQTTSN(t *testing.T) {
	s := serve(t, t.TempDir(), "--enrol", "open")
	ctx, cancel := context.WithCancel(t.Context())
	var players sync.WaitGroup
	defer players.Wait()
	defer cancel()
	mqttAt, snAt := addressOf(t, s, "mqtt"), addressOf(t, s, "mqttsn")
	for _, args := range [][]string{
		{"sim", "mqtt", "--to", mqttAt},
		{"sim", "mqtt", "--to", mqttAt, "--style", "pycom", "--uid", "p-", "--interval", "100ms"},
		{"sim", "mqtt", "--to", mqttAt, "--style", "native", "--uid", "n-"},
		{"sim", "mqttsn", "--to", snAt, "--uid", "s-"},
		{"sim", "mqttsn", "--to", snAt, "--uid", "z-", "--sleep", "1s"},
	} {
		players.Go(func() { run(ctx, args, console{out: io.Discard, err: io.Discard}) })
	}
	for _, id := range []string{"mqtt_test_node", "p-", "n-", "s-", "z-"} {
		thing := awaitThing(t, s, id)
		status, out, errs := cli(t, "thing", "set", thing, "led", "1", "--data", s.data)
		if status != 0 || !strings.Contains(out, "done") {
			t.Errorf("%s: %s%s", thing, out, errs)
		}
	}
}

func TestSimFaultsAreTold(t *testing.T) {
	for want, args := range map[string][]string{
		"style":   {"mqtt", "--style", "loud"},
		"loss":    {"mqttsn", "--loss", "2"},
		"reorder": {"coap", "--reorder", "2"},
		"20001":   {"ws", "--count", "20001"},
	} {
		if status, _, errs := cli(t, append([]string{"sim"}, args...)...); status == 0 || !strings.Contains(errs, want) {
			t.Errorf("%v: %d, %s", args, status, errs)
		}
	}
}

func TestDemoShowsEveryThing(t *testing.T) {
	s := &server{data: t.TempDir(), out: newScreen(), err: newScreen()}
	ctx, cancel := context.WithCancel(t.Context())
	status := make(chan int, 1)
	args := []string{"demo", "--data", s.data}
	for _, door := range []string{"http", "coap", "mqtt", "mqttsn"} {
		args = append(args, "--"+door, "127.0.0.1:0")
	}
	go func() { status <- run(ctx, args, console{out: s.out, err: s.err}) }()
	defer func() {
		cancel()
		if got := <-status; got != 0 {
			t.Errorf("it ended with %d:\n%s", got, s.err)
		}
	}()
	s.url = strings.Replace(s.out.await(t, `ready at (http://\S+)`)[1], "localhost", "127.0.0.1", 1)
	for _, g := range sim.DemoGuests() {
		want := `"state":"enrolled"`
		if g.Waits {
			want = `"state":"waiting"`
		}
		thing := regexp.MustCompile(`"id":"` + g.ID + `"[^}]*` + want)
		seen := ""
		for late := time.Now().Add(3 * time.Minute); !thing.MatchString(seen); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(late) {
				t.Fatalf("%s is not there as it should be: %s\n%s", g.ID, seen, s.err)
			}
			seen = get(t, s, "/things?q="+g.ID)
		}
	}
}

func TestHostsWithoutAPortGetTheUsualOne(t *testing.T) {
	for to, want := range map[string]string{
		"localhost": "localhost:5683", "localhost:9": "localhost:9", "::1": "[::1]:5683", "[::1]": "[::1]:5683", "[::1]:9": "[::1]:9",
		"ws://localhost/mqtt": "ws://localhost/mqtt",
	} {
		if got := withPort(to, "5683"); got != want {
			t.Errorf("%s is taken as %s, want %s", to, got, want)
		}
	}
}
