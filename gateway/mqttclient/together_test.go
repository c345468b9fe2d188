package mqttclient

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/roost-iot/roost/wire/mqtt"
)

// TestWhatHasComeIsHandedOverTogether holds that a burst is one call, acknowledged
// after it, and that a message of QoS 2 that comes again is not handed over again.
func TestWhatHasComeIsHandedOverTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls []string
		let := make(chan struct{})
		_, s, stop := onPipes(t, Options{HandleAll: func(ps []*mqtt.Publish) {
			call := ""
			for _, p := range ps {
				call += fmt.Sprintf("%s=%s ", p.Topic, p.Payload)
			}
			calls = append(calls, call)
			<-let
		}})
		p := s.admit(mqtt.Connack{})
		say := func(topic string, qos byte, id uint16) mqtt.Packet {
			return &mqtt.Publish{Topic: topic, QoS: qos, ID: id, Payload: []byte("x"), Dup: false}
		}
		synctest.Wait()
		p.say(say("a", 1, 1), say("b", 0, 0), say("c", 2, 2))
		synctest.Wait()
		if len(p.packets) != 0 {
			t.Error("something was acknowledged before it was handed over")
		}
		let <- struct{}{}
		if a := expect[*mqtt.Ack](p); a.Type != mqtt.TypePuback || a.ID != 1 {
			t.Errorf("it sent %+v", a)
		}
		if a := expect[*mqtt.Ack](p); a.Type != mqtt.TypePubrec || a.ID != 2 {
			t.Errorf("it sent %+v", a)
		}
		p.say(say("c", 2, 2))
		if a := expect[*mqtt.Ack](p); a.Type != mqtt.TypePubrec || a.ID != 2 {
			t.Errorf("it sent %+v", a)
		}
		if got := fmt.Sprint(calls); got != "[a=x b=x c=x ]" {
			t.Errorf("handed over: %s", got)
		}
		go p.drain()
		stop()
	})
}
