package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/wire/mqtt"
)

// brokerDir in the environment makes the test binary an MQTT broker that is published
// to until it is killed.
const brokerDir = "ROOST_TEST_KILL_BROKER_DIR"

// deaf is a transport that is not asked for anything.
type deaf struct{}

func (deaf) Wake()               {}
func (deaf) Cut(mqtt.ReasonCode) {}

func openBroker(ctx context.Context, s *Store, commit bool) (*broker.Broker, error) {
	b := broker.New(broker.Config{Journal: s, Commit: commit, Limits: broker.Limits{MaxQueued: 1 << 20, MaxQueuedBytes: 1 << 30}})
	return b, b.Load(ctx)
}

func enter(ctx context.Context, b *broker.Broker, id string) (*broker.Session, bool, error) {
	return b.Connect(ctx, broker.Connect{
		Client: &broker.Client{ID: id, Version: mqtt.V5}, Peer: deaf{}, Expiry: mqtt.NoExpiry,
	})
}

// publishForEver prints each payload once its publication was acknowledged: QoS 1 and
// 2, to one who is away, some of them retained.
func publishForEver(dir string) {
	ctx := context.Background()
	s, err := Open(ctx, dir, Config{})
	must(err)
	b, err := openBroker(ctx, s, true)
	must(err)
	go func() { _ = b.Run(ctx) }()
	away, present, err := enter(ctx, b, "away")
	must(err)
	if !present {
		must(subscribed(away.Subscribe(ctx, []mqtt.Subscription{{Filter: "#", QoS: 2}}, 0)))
	}
	away.End(ctx, broker.End{How: broker.Clean})
	for n := range 4 {
		go publishAs(ctx, b, fmt.Sprintf("p%d-%d", os.Getpid(), n))
	}
	select {}
}

func publishAs(ctx context.Context, b *broker.Broker, id string) {
	p, _, err := enter(ctx, b, id)
	must(err)
	for i := 1; ; i++ {
		pubs := make([]broker.Publication, 3)
		for k := range pubs {
			pubs[k].Publish = mqtt.Publish{
				Topic: "t/" + id, Payload: fmt.Appendf(nil, "%s-%d-%d", id, i, k), QoS: byte(1 + i%2), ID: uint16(k + 1),
				Retain: k == 2,
			}
		}
		must(p.Publish(ctx, pubs))
		for k := range pubs {
			fmt.Printf("%s\n", pubs[k].Payload)
			if pubs[k].QoS == 2 {
				p.Release(pubs[k].ID)
			}
		}
		must(p.Settle(ctx))
	}
}

func subscribed(codes []mqtt.ReasonCode) error {
	if codes[0].Failed() {
		return &mqtt.Error{Code: codes[0]}
	}
	return nil
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestKilledBrokerKeepsWhatItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for _, lines := range []int{1, 50, 500} {
		child := exec.Command(os.Args[0], "-test.run=^$")
		child.Env = append(os.Environ(), brokerDir+"="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewScanner(out)
		for n := 0; in.Scan(); n++ {
			acknowledged[in.Text()] = true
			if n+1 == lines {
				if err := child.Process.Kill(); err != nil { // SIGKILL; what it printed before is still read
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait() // it was killed
		checkKept(t, dir, acknowledged)
	}
}

func checkKept(t *testing.T, dir string, acknowledged map[string]bool) {
	t.Helper()
	s := openAt(t, dir, Config{})
	defer s.Close()
	b, err := openBroker(t.Context(), s, false) // it does not run: what is taken here stays on disk
	if err != nil {
		t.Fatal(err)
	}
	away, present, err := enter(t.Context(), b, "away")
	if err != nil || !present {
		t.Fatalf("the session of the one away: present %v, %v", present, err)
	}
	kept := map[string]int{}
	for {
		row, _ := away.Take(nil, 1<<20)
		if len(row) == 0 {
			break
		}
		for _, d := range row {
			kept[string(d.Message.Payload)]++
			if d.QoS == 1 {
				away.Acked(d.ID, mqtt.Success)
			} else {
				away.Received(d.ID, mqtt.QuotaExceeded) // ends the exchange
			}
		}
	}
	for payload := range acknowledged {
		if kept[payload] != 1 {
			t.Errorf("%s was acknowledged and is there %d times", payload, kept[payload])
		}
	}
	if len(acknowledged) == 0 {
		t.Error("the child acknowledged nothing")
	}
}
