package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/wire/agent"
)

// otaRounds is how many commits OTA makes; the first is not counted.
const otaRounds = 21

// otaPatience is how long a board may take for one commit.
const otaPatience = time.Minute

// OTA measures how long it takes from a commit to the new code's first words on a virtual
// board with Roost's own runtime: compiled, offered, fetched, checked, a restart, a
// session, an import. The board is in this process, each commit waits for the trial of
// the one before.
func OTA(ctx context.Context, c Config) (Result, error) {
	c = c.withDefaults(load{gateways: 1, things: 1, clients: 1, inFlight: 1})
	if c.Token == "" {
		return ownServer(ctx, c, OTA)
	}
	if err := c.check(ctx, c.HTTP); err != nil {
		return Result{}, err
	}
	release, err := micropython.Keep(ctx)
	if err != nil {
		return Result{}, err
	}
	defer release()
	b := &otaBench{api: appBench{c: c, client: &http.Client{Timeout: commitPatience}}}
	defer b.api.client.CloseIdleConnections()
	board, err := b.open(ctx)
	if err != nil {
		return Result{}, err
	}
	defer b.stream.CloseNow()
	board.Start()
	defer func() { _ = board.Stop() }()
	r := Result{Load: map[string]int{"boards": 1, "commits": otaRounds - 1}}
	var took histogram
	before, began := usageNow(c.PID), time.Now()
	for round := range otaRounds {
		d, err := b.commit(ctx, round+1)
		if err != nil {
			return r, fmt.Errorf("%w; the board printed:\n%s", err, lastOf(board.Console(), 2000))
		}
		if round > 0 {
			took.add(d)
		}
	}
	r.used(c.PID, before, usageNow(c.PID))
	r.timed("commits running", took.n, time.Since(began), &took)
	r.more("p95 ms", ms(took.at(0.95)))
	return r, nil
}

// ownServer runs a scenario that needs a token against a roost of its own.
func ownServer(ctx context.Context, c Config, run func(context.Context, Config) (Result, error)) (Result, error) {
	if c.Binary == "" {
		return Result{}, errors.New("the roost to be started is needed: give --binary, or --target and --token")
	}
	s, err := startRoost(ctx, c)
	if err != nil {
		return Result{}, err
	}
	defer s.close()
	return run(ctx, s.c)
}

func lastOf(text string, n int) string { return text[max(0, len(text)-n):] }

// otaBench is one run of OTA.
type otaBench struct {
	api    appBench
	id     string
	stream *websocket.Conn
}

// open makes the app, the thing and the board, and opens a live stream.
func (b *otaBench) open(ctx context.Context) (*desk.Board, error) {
	var app struct{ ID string }
	if err := b.api.call(ctx, "POST", "/apps", map[string]any{"name": "Bench OTA", "latest": true, "os": "factory"}, &app); err != nil {
		return nil, err
	}
	b.api.app = app.ID
	var made struct{ ID, Key string }
	if err := b.api.call(ctx, "POST", "/boards", map[string]any{"name": "bench", "app": app.ID}, &made); err != nil {
		return nil, err
	}
	key, err := agent.ParseKey(made.Key)
	if err != nil {
		return nil, err
	}
	b.id = made.ID
	at := "ws://" + b.api.c.HTTP + "/api/v2/stream?access_token=" + url.QueryEscape(b.api.c.Token)
	b.stream, _, err = websocket.Dial(ctx, at, nil) //nolint:bodyclose // a stream has none
	if err != nil {
		return nil, fmt.Errorf("open the live stream: %w", err)
	}
	b.stream.SetReadLimit(16 << 20)
	if err := b.stream.Write(ctx, websocket.MessageText, []byte(`{"subscribe":{"types":["message"]}}`)); err != nil {
		return nil, fmt.Errorf("watch the board: %w", err)
	}
	return desk.NewBoard(desk.BoardConfig{URL: "http://" + b.api.c.HTTP, ID: made.ID, Key: key, Settings: map[string]any{"trial": 1}})
}

const otaApp = `import asyncio, platform

async def run():
    platform.send({"commit": %d})
    while True:
        await asyncio.sleep_ms(1000)
`

// commit ships code that says n, times it until it does, and waits until it is confirmed.
func (b *otaBench) commit(ctx context.Context, n int) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, otaPatience)
	defer cancel()
	files := map[string]string{"app.py": fmt.Sprintf(otaApp, n)}
	began := time.Now()
	if err := b.api.call(ctx, "POST", "/apps/"+b.api.app+"/commits", map[string]any{"message": "round " + strconv.Itoa(n), "files": files}, nil); err != nil {
		return 0, err
	}
	for {
		_, raw, err := b.stream.Read(ctx)
		if err != nil {
			return 0, fmt.Errorf("commit %d does not run: %w", n, err)
		}
		var e struct {
			Type, Thing string
			Value       struct{ Commit int }
		}
		if json.Unmarshal(raw, &e) == nil && e.Type == "message" && e.Thing == b.id && e.Value.Commit == n {
			break
		}
	}
	took := time.Since(began)
	for {
		var v struct{ App struct{ Trial int } }
		if err := b.api.call(ctx, "GET", "/things/"+b.id+"/runtime", nil, &v); err != nil {
			return 0, err
		}
		if v.App.Trial == 0 {
			return took, nil
		}
		if !pause(ctx, 100*time.Millisecond) {
			return 0, fmt.Errorf("commit %d is not confirmed: %w", n, ctx.Err())
		}
	}
}
