package pythings_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/pythings"
)

// A fleet comes back at once: each registers, runs and is told its own message.
func TestFleetComesBackAtOnce(t *testing.T) {
	const size = 100
	h := build(t, plan{})
	devices := make([]*device, size)
	ids := make([]string, size)
	each := func(f func(i int, d *device)) {
		var all sync.WaitGroup
		for i := range devices {
			all.Go(func() { f(i, devices[i]) })
		}
		all.Wait()
	}
	for i := range devices {
		devices[i] = h.device(fmt.Sprintf("fleet-%03d", i))
		devices[i].app = recordedCommit
	}
	each(func(_ int, d *device) {
		if r := d.register(); r.status != 200 {
			t.Errorf("%s: %d %s", d.tid, r.status, r.body)
		}
	})
	for i, d := range devices {
		ids[i] = h.send(d.ref(), roost.Tell, roost.Text(d.tid))
	}
	each(func(i int, d *device) {
		if a, r := d.management(); r.status != 200 || a.Mid != "" {
			t.Errorf("%s: %d %s", d.tid, r.status, r.body)
		}
		d.report("management", "OK", nil)
		a, r := d.management()
		if a.Mid != ids[i] || roost.Value(a.Msg).AsText() != d.tid {
			t.Errorf("%s: %s", d.tid, r.body)
		}
		d.report("management", "OK", map[string]any{"mid": a.Mid, "rep": "I am " + d.tid})
	})
	for i, d := range devices {
		if c := h.find(roost.Home, ids[i]); c.State != roost.Done || c.Result.AsText() != "I am "+d.tid {
			t.Errorf("%s: %s %s", d.tid, c.State, c.Result)
		}
	}
}

// The server is another process after every call of a session: the device goes on.
func TestServerRestartsBetweenAllCalls(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		h := build(t, plan{})
		d := h.device("steady")
		if encrypted {
			d.encrypt()
		}
		file := map[string]any{"file_name": "worker_task.py", "version": recordedCommit, "platform": "Python"}
		for i, step := range []func(){
			func() { d.mustRegister() },
			func() { d.settings() },
			func() {
				want(t, "list", d.call("apps/get/", map[string]any{"version": recordedCommit, "list": true}), 200, "worker")
			},
			func() { want(t, "file", d.call("apps/get/", file), 200, "WorkerTask") },
			func() { d.mustReport("pythings", "OK", "Resetting due to App update") },
			func() { d.settings() },
			func() { d.mustReport("management", "OK", nil) },
			func() { want(t, "worker", d.worker(map[string]any{"n": 1}), 200, "") },
			func() { d.mustReport("worker", "OK", nil) },
		} {
			if step(); t.Failed() {
				t.Fatalf("encrypted %v: step %d", encrypted, i)
			}
			h = h.again(plan{})
			d.h = h
		}
		if n := len(h.messages(d.ref())); n != 1 {
			t.Errorf("encrypted %v: %d messages", encrypted, n)
		}
		thing, _, _ := h.rooms.Registry.Get(d.ref())
		if d.settings(); thing.Enrolment != roost.Enrolled {
			t.Errorf("thing %+v", thing)
		}
	}
}

// T11
func TestFileIsWholeWhenTheServerStops(t *testing.T) {
	h := build(t, plan{})
	long := strings.Repeat("x = 'some text that fills the file'\n", 1700)
	app, commit := h.newApp(newLamp, map[string]string{"worker_task.py": long, "management_task.py": recordedTask})
	d := h.device("long")
	d.aid = string(app.ID)
	d.mustRegister()
	begun := make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) })
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin()
		h.door.ServeHTTP(w, r)
	}))
	conn := dial(t, srv.Listener.Addr().String())
	defer conn.Close()
	body := d.body(map[string]any{"file_name": "worker_task.py", "version": commit, "platform": "Python"})
	if _, err := fmt.Fprintf(conn, "POST /api/v1/apps/get/ HTTP/1.0\r\nHost: x\r\ncontent-length: %d\r\n\r\n%s", len(body), body); err != nil {
		t.Fatal(err)
	}
	<-begun
	stopped := make(chan error, 1)
	ctx, stop := context.WithTimeout(context.Background(), devicePatience)
	defer stop()
	go func() { stopped <- srv.Config.Shutdown(ctx) }()
	raw, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if r := understand(t, "file", string(raw)); r.status != 200 || !strings.Contains(r.body, long) || !strings.HasSuffix(r.body, commit+"'") {
		t.Errorf("%d, %d bytes", r.status, len(r.body))
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	srv.Close()
}

// broken is a device that goes before its answer.
type broken struct{ http.ResponseWriter }

var errBroken = errors.New("broken pipe")

func (broken) Write([]byte) (int, error) { return 0, errBroken }
func (broken) FlushError() error         { return errBroken }

func TestMessageThatNeverWentOutIsQueuedAgain(t *testing.T) {
	h := build(t, plan{})
	d := h.running("gone")
	id := h.send(d.ref(), roost.Tell, `"x"`)
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/api/v1/apps/management/", strings.NewReader(d.body(map[string]any{})))
	h.door.ServeHTTP(broken{httptest.NewRecorder()}, r)
	if c := h.find(roost.Home, id); c.State != roost.Queued {
		t.Errorf("command %+v", c)
	}
}

// Of two devices with one id people are told, with their addresses.
func TestTwoDevicesOfOneIDAreTold(t *testing.T) {
	h := build(t, plan{})
	first := h.ready("twin")
	body := bytes.NewBufferString(strings.Replace(registration, "A4CF12B3D5E6", "twin", 1))
	r := httptest.NewRequest(http.MethodPost, "/api/v1/things/register/", body)
	r.RemoteAddr = net.JoinHostPort("192.0.2.7", "4711")
	w := httptest.NewRecorder()
	if h.door.ServeHTTP(w, r); w.Code != 200 {
		t.Fatal(w.Body)
	}
	for range 3 {
		_, r := first.management()
		want(t, "the first", r, 401, "from 192.0.2.7")
	}
	texts := map[string]int{}
	for _, line := range h.log(first.ref()) {
		texts[line.Text]++
	}
	told := 0
	for text, n := range texts {
		if strings.Contains(text, "127.0.0.1 still uses a session that ended when 192.0.2.7 registered") {
			told += n
		}
	}
	if told != 1 || texts["registered from 192.0.2.7; it was at 127.0.0.1 before"] != 1 {
		t.Errorf("log %v", texts)
	}
	if n := h.door.Notices(); len(n) != 1 || !strings.Contains(n[0].Text, "twin") {
		t.Errorf("notices %+v", n)
	}
}

// arrivals keeps the newest arrival.
type arrivals struct {
	gateway.Core
	last chan gateway.Arrival
}

func (a *arrivals) Arrive(ctx context.Context, arrival gateway.Arrival) (gateway.Standing, error) {
	select {
	case <-a.last:
	default:
	}
	a.last <- arrival
	return a.Core.Arrive(ctx, arrival)
}

func TestSilenceFollowsTheIntervals(t *testing.T) {
	spy := &arrivals{last: make(chan gateway.Arrival, 1)}
	h := build(t, plan{change: func(c *pythings.Config) {
		spy.Core, c.Core, c.Tolerance = c.Core, spy, 10*time.Second
	}})
	d := h.running("silent")
	h.pool(recordedApp, "development", roost.SettingsChange{Management: p(100), Worker: p(7)})
	d.settings()
	if a := <-spy.last; a.Silence != 110*time.Second {
		t.Errorf("silence %s", a.Silence)
	}
}
