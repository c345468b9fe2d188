package bench

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	wire "github.com/roost-iot/roost/wire/pyaiot"
)

// quick is a Config for a run of a tenth of a second against f.
func quick(f *fake) Config {
	return Config{
		HTTP: f.web, CoAP: f.coap, Keys: f.keys, Token: fakeToken, PID: os.Getpid(),
		Warmup: 20 * time.Millisecond, Duration: 100 * time.Millisecond, InFlight: 8,
	}
}

// counted runs a scenario and holds the result against what every one promises. On a
// machine that is busy otherwise, a tenth of a second may pass without anything.
func counted(t *testing.T, run func(context.Context, Config) (Result, error), c Config) Result {
	t.Helper()
	r, err := run(t.Context(), c)
	for ; err == nil && r.Count == 0 && c.Duration < 5*time.Second; r, err = run(t.Context(), c) {
		c.Duration *= 4
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.Count == 0 || r.PerSecond == 0 || r.P50 == 0 || r.P99 < r.P50 || r.Max < r.P99 {
		t.Errorf("measured %+v", r)
	}
	if r.Lost != 0 {
		t.Errorf("%d of %d lost", r.Lost, r.Count)
	}
	return r
}

func TestFanoutReachesEveryClient(t *testing.T) {
	c := quick(newFake(t))
	c.Gateways, c.Things, c.Clients = 2, 3, 5
	r := counted(t, Fanout, c)
	if r.Load["clients"] != 5 || r.Load["updates in flight"] != 8 {
		t.Errorf("load %v", r.Load)
	}
}

func TestFanoutByTheClock(t *testing.T) {
	c := quick(newFake(t))
	c.Gateways, c.Things, c.Clients, c.Rate = 2, 1, 2, 500
	r := counted(t, Fanout, c)
	if most := uint64(2 * 500 * 2 * r.Seconds); r.Count > most {
		t.Errorf("%d delivered in %v s at 500/s to 2 clients", r.Count, r.Seconds)
	}
}

func TestWSNodes(t *testing.T) {
	c := quick(newFake(t))
	c.Things = 7
	counted(t, WSNodes, c)
}

func TestCoAPPost(t *testing.T) {
	c := quick(newFake(t))
	c.Things = 3
	r := counted(t, CoAPPost, c)
	if n := r.More["answered with an error"]; n != 0 {
		t.Errorf("%v answered with an error", n)
	}
	c.spread = true // as on systems without epoll
	counted(t, CoAPPost, c)
	c.spread = false
	c.Bare, c.Method, c.Path = true, "PUT", "/example"
	counted(t, CoAPPost, c)
	c.Path = "/nothing"
	r = counted(t, CoAPPost, c)
	if n := r.More["answered with an error"]; uint64(n) != r.Count {
		t.Errorf("%v of %d answered with an error", n, r.Count)
	}
}

func TestCoAPToPage(t *testing.T) {
	c := quick(newFake(t))
	c.Things = 4
	counted(t, CoAPToPage, c)
}

func TestCommand(t *testing.T) {
	r := counted(t, Command, quick(newFake(t)))
	if r.More["until the page sees it, p50 ms"] < r.P50 {
		t.Errorf("the page saw it before the node: %+v", r)
	}
}

func TestStream(t *testing.T) {
	c := quick(newFake(t))
	c.Clients = 4
	counted(t, Stream, c)
	c.Token = ""
	if _, err := Stream(t.Context(), c); err == nil || !strings.Contains(err.Error(), "--token") {
		t.Errorf("without a token: %v", err)
	}
}

// A lost update holds nobody up for ever, and is reported.
func TestLostUpdatesAreReported(t *testing.T) {
	f := newFake(t)
	c := quick(f)
	c.Gateways, c.Things, c.Clients, c.InFlight, c.Duration = 1, 1, 1, 2, 4*stillFor
	f.losing = 50 // all that are under way then, and the first updates have long arrived
	r, err := Fanout(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if r.Lost != 2 || r.Stalls == 0 || r.Count == 0 {
		t.Errorf("lost %d, stood still %d times, counted %d", r.Lost, r.Stalls, r.Count)
	}
}

func TestWhatIsWrongIsTold(t *testing.T) {
	f := newFake(t)
	for name, x := range map[string]struct {
		run    func(context.Context, Config) (Result, error)
		change func(*Config)
		want   string
	}{
		"elsewhere":    {Fanout, func(c *Config) { c.HTTP = "192.0.2.1:80" }, "--anywhere"},
		"no port":      {Fanout, func(c *Config) { c.HTTP = "127.0.0.1" }, "missing port"},
		"too many":     {WSNodes, func(c *Config) { c.Things = 1 << 30 }, "1073741824 things"},
		"too long":     {CoAPPost, func(c *Config) { c.Duration = time.Hour }, "1h0m0s"},
		"wrong key":    {Fanout, func(c *Config) { c.Keys = wire.GenerateKeys() }, "401"},
		"no key":       {Fanout, func(c *Config) { c.Keys = wire.Keys{} }, "--key-file"},
		"wrong token":  {Stream, func(c *Config) { c.Token = "rst_other" }, "who are you?"},
		"wrong method": {CoAPPost, func(c *Config) { c.Method = "BREW" }, "BREW"},
		"no binary":    {Idle, func(*Config) {}, "--binary"},
	} {
		c := quick(f)
		c.Gateways, c.Things, c.Clients = 1, 1, 1
		x.change(&c)
		if _, err := x.run(t.Context(), c); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, want something with %q", name, err, x.want)
		}
	}
}

func TestScenariosEndWithTheirContext(t *testing.T) {
	f := newFake(t)
	for _, s := range Scenarios() {
		if s.Name == "idle" {
			continue
		}
		c := quick(f)
		c.Gateways, c.Things, c.Clients, c.Duration = 1, 1, 1, time.Minute
		ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := s.Run(ctx, c); err == nil {
			t.Errorf("%s: no error", s.Name)
		}
		stop()
	}
}

// unfaked are scenarios for which the fake has nothing, with what they begin with:
// internal/e2e runs them on the real program.
var unfaked = map[string]string{"apps": "/apps", "boards": "/boards", "ota": "/apps"}

// The suite starts a server for each scenario, and tells of every result. That they
// measure something, the tests of each say.
func TestSuite(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := Config{
		Binary: self, Warmup: 10 * time.Millisecond, Duration: 50 * time.Millisecond,
		Gateways: 1, Things: 2, Clients: 2, InFlight: 4,
	}
	told := 0
	results, err := Suite(t.Context(), c, func(Result) { told++ })
	if err != nil {
		t.Fatal(err)
	}
	want := len(Scenarios())
	if _, err := exec.LookPath(libcoap); err == nil {
		want++
	}
	if _, err := mosquittoAt(); err == nil {
		want += 5 // every MQTT scenario, once more
	}
	if len(results) != want || told != want {
		t.Fatalf("%d results, told of %d, want %d", len(results), told, want)
	}
	for _, r := range results {
		if path, ok := unfaked[r.Scenario]; ok {
			if !strings.Contains(r.Error, "POST "+path+": 404") {
				t.Errorf("%s of a server without them: %q", r.Scenario, r.Error)
			}
			continue
		}
		if r.Error != "" {
			t.Errorf("%s of %s: %s", r.Scenario, r.Server, r.Error)
		}
	}
	if len(results[0].Bars) < 2 {
		t.Errorf("idle: %+v", results[0])
	}
	if _, err := json.Marshal(results); err != nil {
		t.Error(err)
	}
	var table strings.Builder
	if err := Table(&table, results); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"p99 ms", "coap-post", "start until ready", "server CPUs", "mqtt-qos1"} {
		if !strings.Contains(table.String(), part) {
			t.Errorf("no %q in\n%s", part, table.String())
		}
	}
}

func TestSuiteTellsWhyABinaryDoesNotStart(t *testing.T) {
	for binary, want := range map[string]string{"/bin/false": "ended at once", "/nowhere/roost": "no such file"} {
		_, err := Suite(t.Context(), Config{Binary: binary}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", binary, err)
		}
	}
}
