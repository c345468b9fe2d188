package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/coder/websocket"
)

// appRounds is how many commits Apps makes; the first is not counted: it is when
// things and compilers wake up.
const appRounds = 6

// Apps measures how long it takes from a commit to the new code's first words, for
// every one of many PythingsOS devices that call each second. The devices are those of
// roost sim pythings, on MicroPython, in a process of their own. Default: 100 devices.
func Apps(ctx context.Context, c Config) (Result, error) {
	c = c.withDefaults(load{gateways: 1, things: 100, clients: 1, inFlight: 1})
	if err := c.check(ctx, c.HTTP); err != nil {
		return Result{}, err
	}
	if c.Token == "" || c.Binary == "" {
		return Result{}, errors.New("apps needs an API token and a roost that plays the devices: run it in the suite, or give --token")
	}
	b := &appBench{c: c, client: &http.Client{Timeout: commitPatience}, done: map[string]bool{}}
	defer b.client.CloseIdleConnections()
	if err := b.open(ctx); err != nil {
		return Result{}, err
	}
	defer b.stream.CloseNow()
	fleet, err := launch(ctx, c.Binary, "sim", "pythings", "--to", c.HTTP, "--aid", b.app, "--count", strconv.Itoa(c.Things),
		"--platform", "esp32", "--tid-prefix", "bench-app-")
	if err != nil {
		return Result{}, err
	}
	defer fleet.close()
	r := Result{Load: map[string]int{"devices": c.Things, "commits": appRounds - 1}}
	var latencies histogram
	before, began := usageNow(c.PID), time.Now()
	for round := range appRounds {
		if round == 1 {
			before, began = usageNow(c.PID), time.Now()
		}
		took, err := b.commit(ctx, round+1)
		if err != nil {
			return r, err
		}
		if round > 0 {
			latencies.merge(took)
		}
	}
	r.used(c.PID, before, usageNow(c.PID))
	r.timed("devices on new code", latencies.n, time.Since(began), &latencies)
	r.more("p95 ms", ms(latencies.at(0.95)))
	return r, nil
}

// appBench is one run of Apps.
type appBench struct {
	c      Config
	client *http.Client
	app    string
	stream *websocket.Conn
	done   map[string]bool // devices that run the newest commit
}

// open makes the app and opens a live stream.
func (b *appBench) open(ctx context.Context) error {
	var app struct{ ID string }
	err := b.call(ctx, "POST", "/apps", map[string]any{"name": "Bench", "management": 1, "worker": 1, "latest": true, "os": "factory"}, &app)
	if err != nil {
		return err
	}
	b.app = app.ID
	if err := b.call(ctx, "PATCH", "/apps/"+b.app+"/pools/development", map[string]any{"settings": map[string]any{"tls": false}}, nil); err != nil {
		return err
	}
	at := "ws://" + b.c.HTTP + "/api/v2/stream?access_token=" + url.QueryEscape(b.c.Token)
	conn, res, err := websocket.Dial(ctx, at, nil)
	if err != nil {
		return fmt.Errorf("open the live stream: %w", err)
	}
	if res != nil && res.Body != nil {
		_ = res.Body.Close()
	}
	conn.SetReadLimit(16 << 20)
	b.stream = conn
	return conn.Write(ctx, websocket.MessageText, []byte(`{"subscribe":{"types":["reading"]}}`))
}

// call asks the API.
func (b *appBench) call(ctx context.Context, method, path string, in, out any) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+b.c.HTTP+"/api/v2"+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+b.c.Token)
	req.Header.Set("Content-Type", "application/json")
	res, err := b.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, body)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(body, out)
}

// commitPatience is how long all devices may take for one commit.
const commitPatience = 2 * time.Minute

// commit ships code that says n, and times every device until it does.
func (b *appBench) commit(ctx context.Context, n int) (*histogram, error) {
	clear(b.done)
	took := new(histogram)
	ctx, cancel := context.WithTimeout(ctx, commitPatience)
	defer cancel()
	source := fmt.Sprintf("class WorkerTask:\n    def call(self):\n        return {'commit': %d}\n", n)
	files := map[string]string{
		"worker_task.py":     source,
		"management_task.py": "class ManagementTask:\n    def call(self, data):\n        return data\n",
	}
	began := time.Now()
	if err := b.call(ctx, "POST", "/apps/"+b.app+"/commits", map[string]any{"message": "round " + strconv.Itoa(n), "files": files}, nil); err != nil {
		return nil, err
	}
	for len(b.done) < b.c.Things {
		_, raw, err := b.stream.Read(ctx)
		if err != nil {
			return nil, fmt.Errorf("%d of %d devices run commit %d: %w", len(b.done), b.c.Things, n, err)
		}
		var e struct {
			Type, Thing, Resource string
			Value                 json.RawMessage
		}
		if json.Unmarshal(raw, &e) != nil || e.Type != "reading" || e.Resource != "commit" {
			continue
		}
		if string(e.Value) == strconv.Itoa(n) && !b.done[e.Thing] {
			b.done[e.Thing] = true
			took.add(time.Since(began))
		}
	}
	return took, nil
}
