package e2e

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// cable leads TCP connections to an address that changes.
type cable struct {
	l    net.Listener
	work sync.WaitGroup

	mu    sync.Mutex
	to    string // "": nowhere
	conns map[net.Conn]struct{}
}

func newCable(t testing.TB) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{l: l, conns: map[net.Conn]struct{}{}}
	c.work.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			c.work.Go(func() { c.join(near) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		c.plug("")
		c.work.Wait()
	})
	return c
}

// plug cuts what stands and leads what comes to an address.
func (c *cable) plug(to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = to
	for conn := range c.conns {
		_ = conn.Close()
	}
	clear(c.conns)
}

func (c *cable) join(near net.Conn) {
	defer near.Close()
	c.mu.Lock()
	to := c.to
	c.mu.Unlock()
	if to == "" {
		return
	}
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer far.Close()
	c.mu.Lock()
	stands := c.to == to
	if stands {
		c.conns[near], c.conns[far] = struct{}{}, struct{}{}
	}
	c.mu.Unlock()
	if !stands {
		return
	}
	var way sync.WaitGroup
	way.Go(func() { _, _ = io.Copy(far, near); _ = far.Close() })
	_, _ = io.Copy(near, far)
	_ = near.Close()
	way.Wait()
}

// outpost is a running roost gateway.
type outpost struct {
	*server
	coap string
}

func (s *server) outpost(hub, data string) *outpost {
	t := s.t
	t.Helper()
	o := &outpost{server: &server{t: t, data: data, out: &screen{}, log: &screen{}, ended: make(chan struct{})}}
	o.process = exec.Command(binary, "gateway", "--hub", "ws://"+hub, "--hub-kind", "roost", "--key-file", s.keys, "--data", data,
		"--doors", "coap", "--coap", "127.0.0.1:0", "--coap-node-port", noNode, "--name", "attic", "--durability", "commit")
	o.process.Stdout, o.process.Stderr = o.out, o.log
	if err := o.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(o.ended)
		_ = o.process.Wait() // the status tells
		o.status = o.process.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		o.kill()
		o.checkLog()
	})
	at := regexp.MustCompile(`(?m)^  coap +(\S+)$`)
	eventually(t, "the gateway is ready", func() bool { return at.MatchString(o.out.String()) || o.hasEnded() })
	if o.hasEnded() {
		t.Fatalf("it ended with %d:\n%s", o.status, o.log)
	}
	o.coap = at.FindStringSubmatch(o.out.String())[1]
	return o
}

// TestKilledGatewayAndKilledHubLoseNothingAcknowledged: values are posted to a far
// gateway, which acknowledges each when it is on its disk; hub and gateway are killed
// in turn, and the line is cut. All of them are at the hub in the end.
func TestKilledGatewayAndKilledHubLoseNothingAcknowledged(t *testing.T) {
	folder := t.TempDir()
	data, far := filepath.Join(folder, "data"), filepath.Join(folder, "far")
	began := time.Now()
	line := newCable(t)
	hub := start(t, data, "--durability", "commit", "--log-level", "warn")
	line.plug(hub.http)
	acked := map[string]map[float64]bool{"post-0": {}, "post-1": {}}
	var mu sync.Mutex
	for round := range 3 {
		o := hub.outpost(line.l.Addr().String(), far)
		var count atomic.Int64
		var posting sync.WaitGroup
		for uid := range acked {
			p := newPoster(t, o.coap, uid)
			p.join()
			posting.Go(func() {
				for i := 0; !o.hasEnded(); i++ {
					v := float64(round*1_000_000 + i)
					if code, ok := p.post("server", fmt.Sprintf("counter:%.0f", v), time.Second); ok && code == changed {
						mu.Lock()
						acked[uid][v] = true
						mu.Unlock()
						count.Add(1)
					}
					// Of two readings of one millisecond the later is kept.
					for now := time.Now().UnixMilli(); time.Now().UnixMilli() == now; {
						runtime.Gosched()
					}
				}
			})
		}
		more := func(n int64) {
			t.Helper()
			from := count.Load()
			eventually(t, "more is acknowledged", func() bool { return count.Load() >= from+n })
		}
		more(50)
		hub.kill() // in the middle of what it is sent
		line.plug("")
		more(50) // the devices do not notice
		hub = start(t, data, "--durability", "commit", "--log-level", "warn")
		line.plug(hub.http)
		more(20)
		line.plug(hub.http) // a cut
		more(20)
		o.kill()
		posting.Wait()
	}
	hub.outpost(line.l.Addr().String(), far)
	for uid, values := range acked {
		eventually(t, uid+" has all its readings", func() bool {
			have := map[float64]bool{}
			for _, r := range hub.readings(uid, "counter", began) {
				have[r.Min], have[r.Last], have[r.Max] = true, true, true
			}
			missing := 0
			for v := range values {
				if !have[v] {
					missing++
				}
			}
			return missing == 0
		})
		t.Logf("%s: %d acknowledged readings are at the hub", uid, len(values))
	}
}
