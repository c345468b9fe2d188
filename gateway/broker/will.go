package broker

import (
	"bytes"
	"context"

	"github.com/roost-iot/roost/wire/mqtt"
)

// will is what a client wants published when it is lost.
type will struct {
	mqtt.Will
	client *Client
}

func newWill(of *Client, w *mqtt.Will) *will {
	if w == nil {
		return nil
	}
	c := &will{Will: *w, client: of}
	c.Payload = bytes.Clone(w.Payload)
	c.Props = *cloneProps(&w.Props)
	return c
}

// publishWill publishes it as the client would have.
func (b *Broker) publishWill(ctx context.Context, w *will, fx *effects) {
	p := &Publication{Publish: mqtt.Publish{Topic: w.Topic, Payload: w.Payload, QoS: w.QoS, Retain: w.Retain, Props: w.Props}}
	if w.Topic[0] == '$' {
		return
	}
	b.hooks.Take(ctx, w.client, []*Publication{p})
	if !p.Reason.Failed() && !p.Taken {
		b.publishFrom(w.client, p, nil, fx)
	}
}

// SetWill gives the connection another will, or none (nil): MQTT-SN clients may change
// theirs. What is borrowed in it is copied.
func (s *Session) SetWill(w *mqtt.Will) {
	s.st.mu.Lock()
	defer s.st.mu.Unlock()
	if s.st.conn == s {
		s.will = newWill(s.client, w)
	}
}
