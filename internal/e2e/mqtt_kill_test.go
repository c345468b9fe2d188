package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/mqttclient"
	wiremqtt "github.com/roost-iot/roost/wire/mqtt"
)

// TestKilledBrokerKeepsWhatItAcknowledged holds docs/protocols/mqtt-promises.md, with
// durability commit: an acknowledged publication of QoS 1 is kept as a reading, and
// comes to a session that was away.
func TestKilledBrokerKeepsWhatItAcknowledged(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	args := []string{"--enrol", "open", "--durability", "commit"}
	s := start(t, data, args...)
	token := s.newToken("operator")
	keeper := mqttclient.Options{
		ClientID: "keeper", User: "program", Password: token, SessionExpiry: 3600,
		Subscriptions: []wiremqtt.Subscription{{Filter: "node/q/count", QoS: 1}},
	}
	s.mqttOnce(keeper)

	began := time.Now().Truncate(time.Millisecond)
	acked := s.publishUntilKilled(began)
	if len(acked) < 20 {
		t.Fatalf("only %d were acknowledged", len(acked))
	}

	s = start(t, data, args...)
	var mu sync.Mutex
	came := map[string]bool{}
	keeper.Handle = func(p *wiremqtt.Publish) {
		mu.Lock()
		defer mu.Unlock()
		came[string(p.Payload)] = true
	}
	s.mqttClient(keeper)
	for i := range acked {
		eventually(t, fmt.Sprintf("message %d of %d comes to the session that was away", i, len(acked)), func() bool {
			mu.Lock()
			defer mu.Unlock()
			return came[fmt.Sprintf(`{"value":%d}`, i)]
		})
	}
	kept := map[float64]bool{}
	for _, r := range s.readings("p", "count", began.Add(-time.Second)) {
		kept[r.Last] = true
	}
	for i := range acked {
		if !kept[float64(i)] {
			t.Errorf("reading %d was acknowledged and is not there", i)
		}
	}
	s.endsWell()
}

// publishUntilKilled publishes pairs, a reading and a message for somebody away, until
// the program dies; it gives those of which both were acknowledged.
func (s *server) publishUntilKilled(began time.Time) (acked map[int]bool) {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	c := s.mqttClient(mqttclient.Options{ClientID: "publisher"})
	acked = map[int]bool{}
	const enough = 200
	for i := 0; ; i++ {
		if i == enough {
			go func() { _ = s.process.Process.Kill() }() // it dies while these are on their way
		}
		longest := patience
		if i >= enough { // nobody may answer any more
			longest = 10 * time.Second
		}
		one, end := context.WithTimeout(ctx, longest)
		reading := fmt.Appendf(nil, `[{"time":%d,"values":{"count":%d}}]`, began.UnixMilli()+int64(i)-enough, i)
		err := c.Publish(one, &wiremqtt.Publish{Topic: "roost/p/readings", QoS: 1, Payload: reading})
		if err == nil {
			err = c.Publish(one, &wiremqtt.Publish{Topic: "node/q/count", QoS: 1, Payload: fmt.Appendf(nil, `{"value":%d}`, i)})
		}
		end()
		if err != nil {
			if i < enough {
				s.t.Fatalf("publish %d: %v", i, err)
			}
			s.kill()
			return acked
		}
		acked[i] = true
	}
}

// mqttOnce connects a client, and ends its connection.
func (s *server) mqttOnce(o mqttclient.Options) {
	s.t.Helper()
	o.Address = s.mqtt
	c, err := mqttclient.New(o)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); c.Run(ctx) }()
	patient, stop := context.WithTimeout(ctx, patience)
	defer stop()
	if err = c.Await(patient); err == nil {
		_, err = c.Subscribe(patient, o.Subscriptions...)
	}
	end()
	<-done
	if err != nil {
		s.t.Fatal(err)
	}
}
