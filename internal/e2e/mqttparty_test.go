package e2e

import (
	"context"
	"log/slog"

	"github.com/roost-iot/roost/gateway/mqttclient"
)

// mqttClient runs a client until the test ends, and waits until it is in.
func (s *server) mqttClient(o mqttclient.Options) *mqttclient.Client {
	s.t.Helper()
	o.Address, o.Log = s.mqtt, slog.New(slog.DiscardHandler)
	c, err := mqttclient.New(o)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); c.Run(ctx) }()
	s.t.Cleanup(func() { end(); <-done })
	patient, stop := context.WithTimeout(ctx, patience)
	defer stop()
	if err := c.Await(patient); err != nil {
		s.t.Fatalf("MQTT client: %v", err)
	}
	return c
}
