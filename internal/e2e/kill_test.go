package e2e

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost/sim"
	"github.com/roost-iot/roost/wire/coap"
)

// poster posts readings by CoAP and remembers which were acknowledged.
type poster struct {
	t    testing.TB
	uid  string
	conn net.Conn
	id   uint16
	buf  [1500]byte
}

func newPoster(t testing.TB, to, uid string) *poster {
	t.Helper()
	conn, err := net.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // nothing is lost
	return &poster{t: t, uid: uid, conn: conn}
}

// post sends once and gives the code of the answer; false: none came in time.
func (p *poster) post(path, payload string, wait time.Duration) (coap.Code, bool) {
	p.id++
	m := []byte{0x42, 0x02, byte(p.id >> 8), byte(p.id), byte(p.id >> 8), byte(p.id)} // confirmable POST, token of 2
	m = append(m, 0xb0|byte(len(path)))
	m = append(m, path...)
	m = append(append(m, 0xff), payload...)
	if _, err := p.conn.Write(m); err != nil {
		return 0, false
	}
	_ = p.conn.SetReadDeadline(time.Now().Add(wait)) // Read tells
	for {
		n, err := p.conn.Read(p.buf[:])
		if err != nil {
			return 0, false
		}
		b := p.buf[:n]
		if n >= 6 && b[0]&0x0f == 2 && b[4] == byte(p.id>>8) && b[5] == byte(p.id) {
			return coap.Code(b[1]), true
		}
	}
}

const changed = coap.Code(0x44) // 2.04

// join greets until it is let in.
func (p *poster) join() {
	p.t.Helper()
	eventually(p.t, p.uid+" is let in", func() bool {
		code, ok := p.post("alive", "alive:"+p.uid, time.Second)
		return ok && code>>5 == 2
	})
}

const killRounds = 3

func TestKilledUnderLoadKeepsWhatWasAcknowledged(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	began := time.Now()
	acked := map[string][]float64{}
	var confirmed []string
	for round := range killRounds {
		s := start(t, data, "--durability", "commit", "--log-level", "warn")
		s.checkKept(round, began, acked, confirmed)
		s.loadAndKill(round, acked, &confirmed)
	}
	s := start(t, data, "--durability", "commit")
	s.checkKept(killRounds, began, acked, confirmed)
	s.endsWell()
}

// loadAndKill puts load on the server, gets commands confirmed, and kills it while
// posts are under way.
func (s *server) loadAndKill(round int, acked map[string][]float64, confirmed *[]string) {
	t := s.t
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	defer load.Wait()
	defer stop()
	for _, f := range []*sim.Fleet{
		sim.CoAP(sim.Config{To: s.coap, Count: 20, Resources: []string{"temperature", "led"}, Interval: 50 * time.Millisecond, UID: "c-"}),
		sim.WS(sim.Config{To: s.http, Count: 20, Resources: []string{"temperature", "led"}, Interval: 50 * time.Millisecond, UID: "w-"}),
	} {
		load.Go(func() { _ = f.Run(ctx) }) // its connections are cut on purpose
	}
	n := s.node("lamp")
	posters := []*poster{newPoster(t, s.coap, "post-0"), newPoster(t, s.coap, "post-1"), newPoster(t, s.coap, "post-2")}
	for i, p := range posters {
		if round == 0 {
			p.post("alive", "alive:"+p.uid, time.Second)
			s.approve(p.uid)
			s.call("PATCH", "/things/"+p.uid, map[string]any{"name": fmt.Sprintf("Poster %d", i)}, nil)
		}
		p.join()
	}
	if round == 0 {
		s.approve("lamp")
	}
	s.awaitValue("lamp", "led", `"0"`)
	c := s.send("lamp", "led", fmt.Sprint(round+1))
	s.awaitCommand(c.ID, "done")
	*confirmed = append(*confirmed, c.ID)
	s.postUntilKilled(round, posters, acked)
	_ = n.conn.CloseNow() // it is cut already
}

func (s *server) postUntilKilled(round int, posters []*poster, acked map[string][]float64) {
	var mu sync.Mutex
	var posting sync.WaitGroup
	var sum atomic.Int64
	for _, p := range posters {
		posting.Go(func() {
			for i := 0; !s.hasEnded(); i++ {
				v := float64(round*1_000_000 + i)
				if code, ok := p.post("server", fmt.Sprintf("counter:%.0f", v), 2*time.Second); ok && code == changed {
					mu.Lock()
					acked[p.uid] = append(acked[p.uid], v)
					mu.Unlock()
					sum.Add(1)
				}
				// Of two readings of one millisecond the later is kept.
				for now := time.Now().UnixMilli(); time.Now().UnixMilli() == now; {
					runtime.Gosched()
				}
			}
		})
	}
	eventually(s.t, "200 readings are acknowledged", func() bool { return sum.Load() >= 200 })
	s.kill()
	posting.Wait()
}

// checkKept holds the server against what it acknowledged before.
func (s *server) checkKept(round int, began time.Time, acked map[string][]float64, confirmed []string) {
	s.t.Helper()
	total := 0
	for uid, values := range acked {
		h, ok := s.thing(uid)
		if !ok || h.State != "enrolled" || h.Name != "Poster "+uid[len(uid)-1:] {
			s.t.Errorf("after %d kills %s is %+v", round, uid, h)
		}
		have := map[float64]bool{}
		for _, r := range s.readings(uid, "counter", began) {
			if r.N > 3 {
				s.t.Fatalf("%s has more readings than this test can see one by one", uid)
			}
			have[r.Min], have[r.Last], have[r.Max] = true, true, true
		}
		lost := 0
		for _, v := range values {
			if !have[v] {
				lost++
			}
		}
		if lost > 0 {
			s.t.Errorf("after %d kills %s lost %d of %d acknowledged readings", round, uid, lost, len(values))
		}
		total += len(values)
	}
	for _, id := range confirmed {
		var c command
		if s.call("GET", "/commands/"+id, nil, &c); c.State != "done" {
			s.t.Errorf("after %d kills command %s is %s", round, id, c.State)
		}
	}
	s.t.Logf("after %d kills: %d acknowledged readings and %d commands are there", round, total, len(confirmed))
}
