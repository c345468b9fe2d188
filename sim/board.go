package sim

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5" // what boards compare files by
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// BoardConfig says what boards of the board platform are like.
type BoardConfig struct {
	AppType    string            // needed: the kind of board, whose files they ask for
	DeviceType string            // "" is pico_w
	Interval   time.Duration     // between heartbeats; 0: as the server says
	Restart    time.Duration     // how long a reboot takes; 0: one second
	Again      time.Duration     // how soon one without files asks again; 0: 30 s
	Files      map[string]string // that they have at first
	Web        bool              // each has an HTTP server of its own, on this machine
}

// board is one: boot.py and the platform's registry, with its files in memory. Its code is
// not run: whatever it says, the board tells a temperature and a humidity.
type board struct {
	*device
	f    *Fleet
	b    BoardConfig
	mac  string
	http *http.Client
	web  *boardWeb // nil: it has none
	log  *slog.Logger

	mu       sync.Mutex
	since    time.Time // its last start
	files    map[string]string
	deviceID string
}

// Boards makes boards. Faults of c and b come out at Run.
func Boards(c Config, b BoardConfig) *Fleet {
	b.DeviceType = cmp.Or(b.DeviceType, "pico_w")
	b.Restart = cmp.Or(b.Restart, time.Second)
	b.Again = cmp.Or(b.Again, 30*time.Second)
	c.Resources = []string{"temperature", "humidity"}
	f := newFleet(c, "sim-board-", func(f *Fleet, d *device, i int) node {
		n := &board{device: d, f: f, b: b, mac: macOf(f.c.idOf(i)), files: maps.Clone(b.Files), log: f.log(d, "board")}
		if n.files == nil {
			n.files = map[string]string{}
		}
		n.http = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		return n
	})
	if b.AppType == "" {
		f.fault = errors.Join(f.fault, errors.New("simulated boards need a kind: the name of a directory of boards"))
	}
	return f
}

// macOf gives the MAC of a board of that name: one of those that anybody may use.
func macOf(name string) string {
	if raw, err := hex.DecodeString(name); err == nil && len(raw) == 6 {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	sum[0] = 0x02
	return hex.EncodeToString(sum[:6])
}

// MACs gives those of the boards of a Fleet.
func (f *Fleet) MACs() (all []string) {
	for _, n := range f.nodes {
		if b, ok := n.(*board); ok {
			all = append(all, b.mac)
		}
	}
	return all
}

// live boots again and again until ctx ends.
func (n *board) live(ctx context.Context) error {
	if n.b.Web {
		defer n.openWeb()()
	}
	for {
		err := n.run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if !pause(ctx, n.b.Restart) {
			return nil
		}
	}
}

// run is one run, from the boot program to a reboot.
func (n *board) run(ctx context.Context) error {
	updated, err := n.boot(ctx)
	if err != nil || updated {
		return err
	}
	n.mu.Lock()
	n.since = time.Now()
	n.mu.Unlock()
	n.tell("started, firmware " + n.firmware())
	every := n.register(ctx)
	for {
		reboot, goesOn := n.wait(ctx, every)
		if reboot || !goesOn || n.beat(ctx, time.Since(n.began())) {
			return nil
		}
	}
}

// began is when it last started.
func (n *board) began() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.since
}

// bootAnswer is what a board reads of it.
type bootAnswer struct {
	DeviceID string            `json:"device_id"`
	Update   bool              `json:"update"`
	Files    map[string]string `json:"files"`
	Order    []string          `json:"order"`
}

// boot asks for files until the board has some, and tells whether it is to boot again.
func (n *board) boot(ctx context.Context) (updated bool, err error) {
	for {
		var a bootAnswer
		status, err := n.call(ctx, "boot", map[string]any{
			"mac": n.mac, "app_type": n.b.AppType, "device_type": n.b.DeviceType, "hashes": n.hashes(),
		}, &a)
		switch {
		case err == nil && status == http.StatusOK:
			n.remember(a.DeviceID)
			n.f.count.joined.Add(1)
			if !a.Update {
				return false, nil
			}
			n.write(a.Files, a.Order)
			return true, nil
		case err != nil:
			n.f.count.lost.Add(1)
		default:
			n.f.count.refused.Add(1)
			n.remember(a.DeviceID)
		}
		if n.holds("main.py") { // it boots what it has
			return false, nil
		}
		if !pause(ctx, n.b.Again) {
			return false, nil
		}
	}
}

func (n *board) remember(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.deviceID = cmp.Or(id, n.deviceID)
}

// id is what the server called the board.
func (n *board) id() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.deviceID
}

func (n *board) holds(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, ok := n.files[name]
	return ok
}

// hashes are the MD5 of the board's Python files.
func (n *board) hashes() map[string]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := map[string]string{}
	for name, text := range n.files {
		if strings.HasSuffix(name, ".py") {
			sum := md5.Sum([]byte(text))
			all[name] = hex.EncodeToString(sum[:])
		}
	}
	return all
}

// write puts files in place, each as NAME.new first.
func (n *board) write(files map[string]string, order []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(order) == 0 {
		order = slices.Sorted(maps.Keys(files))
	}
	for _, name := range order {
		n.files[name] = files[name]
	}
	n.log.Info("wrote files; booting", "files", strings.Join(order, " "))
	n.tell("wrote " + strings.Join(order, " ") + "; booting")
}

var firmwareLine = regexp.MustCompile(`(?m)^FIRMWARE\s*=\s*["']([^"']*)["']`)

// firmware is what the board's app exports.
func (n *board) firmware() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if m := firmwareLine.FindStringSubmatch(n.files["app.py"]); m != nil {
		return m[1]
	}
	return "0.0.0"
}

// register says what the board is, and gives the time between heartbeats.
func (n *board) register(ctx context.Context) time.Duration {
	var a struct {
		Interval float64 `json:"heartbeat_ms"`
	}
	body := map[string]any{
		"device_id": n.id(), "mac": n.mac, "app_type": n.b.AppType, "device_type": n.b.DeviceType, "firmware": n.firmware(),
		"meta": map[string]any{"name": n.held["name"], "simulated": true}, "ip": "127.0.0.1", "version": n.firmware(),
	}
	if n.web != nil {
		body["http_port"] = n.web.port
	}
	if n.b.Interval > 0 {
		body["heartbeat_ms"] = n.b.Interval.Milliseconds()
	}
	if status, err := n.call(ctx, "register", body, &a); err != nil || status != http.StatusOK {
		n.f.count.lost.Add(1)
	}
	told := time.Duration(a.Interval) * time.Millisecond
	return cmp.Or(n.b.Interval, told, 5*time.Minute)
}

// beat sends a heartbeat and tells whether the board is to boot.
func (n *board) beat(ctx context.Context, up time.Duration) (boots bool) {
	var a struct {
		Files   map[string]string `json:"files"`
		Order   []string          `json:"order"`
		Restart bool              `json:"restart"`
	}
	temperature, _ := n.value("temperature", time.Now())
	humidity, _ := n.value("humidity", time.Now())
	status, err := n.call(ctx, "heartbeat", map[string]any{
		"device_id": n.id(), "uptime_ms": up.Milliseconds(), "free_mem": 98304, "rssi": -55, "ip": "127.0.0.1", "firmware": n.firmware(),
		"telemetry": map[string]any{"temperature": temperature, "humidity": humidity},
	}, &a)
	if err != nil || status != http.StatusOK {
		n.f.count.lost.Add(1)
		return false
	}
	n.f.count.sent.Add(1)
	if len(a.Files) > 0 {
		n.f.count.sets.Add(1)
		n.write(a.Files, a.Order)
	}
	return a.Restart || len(a.Files) > 0
}

// call asks the server. A status that is not 200 is no error; what its answer says of the
// board's id is read all the same.
func (n *board) call(ctx context.Context, path string, body, into any) (status int, err error) {
	b, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	to := n.f.c.To
	if !strings.Contains(to, "://") {
		to = "http://" + to
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(to, "/")+"/iot/"+path, bytes.NewReader(b))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := n.http.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }() // it was read only
	n.f.count.asked.Add(1)
	text, err := io.ReadAll(io.LimitReader(answer.Body, 8<<20))
	if err != nil {
		return 0, fmt.Errorf("read answer: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return 0, fmt.Errorf("answer of /iot/%s: %w", path, err)
	}
	return answer.StatusCode, nil
}
