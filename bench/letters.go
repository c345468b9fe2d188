package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"github.com/roost-iot/roost/wire/mqtt"
)

// letter is a message to a sleeper.
type letter struct {
	to     int
	number uint64
}

// post publishes letters with QoS 1.
func (n *night) post(ctx context.Context) error {
	conn, err := n.c.dialMQTT(ctx, "bench-post", 4096)
	if err != nil {
		return err
	}
	var reading sync.WaitGroup
	defer reading.Wait()
	defer conn.Close() //nolint:errcheck // all is acknowledged, or counted as lost
	reading.Go(func() {
		for conn.receive(func(byte, []byte) {}) == nil { //nolint:revive // acknowledgements are of no use here
		}
	})
	payload := make([]byte, max(n.c.Payload, 8))
	m := mqtt.Publish{QoS: 1, Payload: payload}
	var b []byte
	for {
		select {
		case <-ctx.Done():
			return nil
		case l := <-n.mail:
			binary.BigEndian.PutUint64(payload, l.number)
			m.Topic, m.ID = n.ends[l.to].topicName(), m.ID%math.MaxUint16+1
			b = m.Append(b[:0], mqtt.V311)
			if _, err := conn.Write(b); err != nil {
				return fmt.Errorf("publish: %w", err)
			}
		}
	}
}
