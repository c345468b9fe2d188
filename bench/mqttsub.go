package bench

import (
	"encoding/binary"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// mqttSub is one subscriber.
type mqttSub struct {
	d    *mqttDrive
	conn *mqttConn
	at   int64 // when the packets now looked at were read; 0: not looked yet
	acks []byte

	next        []uint64  // number of each publisher's message to come
	seen        []counter // the same, for the publishers
	count       uint64    // deliveries while it was counted
	gaps, twice uint64
	took        histogram
}

// loop reads until the connection ends.
func (s *mqttSub) loop() {
	for {
		s.at = 0
		if s.conn.receive(s.take) != nil {
			return
		}
		if len(s.acks) > 0 {
			_, err := s.conn.Write(s.acks)
			s.acks = s.acks[:0]
			if err != nil {
				return
			}
		}
		for i := range s.next {
			if s.seen[i].Load() != s.next[i] {
				s.seen[i].Store(s.next[i])
				s.d.pubs[i].rouse()
			}
		}
	}
}

// take counts a message.
func (s *mqttSub) take(head byte, body []byte) {
	if mqtt.TypeOf(head) != mqtt.TypePublish {
		return
	}
	id, b, ok := published(head, body)
	if !ok || len(b) < mqttHead {
		return
	}
	if id != 0 {
		s.acks = mqtt.AppendAck(s.acks, mqtt.V311, mqtt.TypePuback, id, mqtt.Success)
	}
	number, sent, from := binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint64(b[8:])), int(binary.BigEndian.Uint32(b[16:]))
	if from >= len(s.next) {
		return
	}
	switch next := &s.next[from]; {
	case number < *next:
		s.twice++
		return
	default:
		s.gaps += number - *next
		*next = number + 1
	}
	if s.at == 0 {
		s.at = s.d.now()
	}
	if s.at >= s.d.from.Load() && s.at < s.d.to.Load() {
		s.count++
		s.took.add(time.Duration(s.at - sent))
	}
}
