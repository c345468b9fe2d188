package mqttsn

import (
	"hash/maphash"
	"time"

	"github.com/roost-iot/roost/wire/mqttsn"
)

// answers are the last ones that a client got to requests which must not be done
// twice. A client whose answer was lost sends the same bytes again, with or without
// the DUP flag; and a network may bring them again long after they were answered.
type answers struct {
	next byte
	last *[answersKept]answer
}

const answersKept = 16

type answer struct {
	request uint64 // hash; 0: none
	until   time.Duration
	topic   uint16
	code    mqttsn.ReturnCode
	qos     mqttsn.QoS
}

// request is the hash of a frame that begins with flags.
func (l *lane) request(p *packet) uint64 {
	var h maphash.Hash
	h.SetSeed(l.d.seed)
	_ = h.WriteByte(byte(p.kind))
	_ = h.WriteByte(p.body[0] &^ 0x80)
	_, _ = h.Write(p.body[1:])
	return h.Sum64() | 1
}

// find gives the answer to a request that came before.
func (a *answers) find(request uint64, now time.Duration) *answer {
	if a.last == nil {
		return nil
	}
	for i := range a.last {
		if found := &a.last[i]; found.request == request && now < found.until {
			return found
		}
	}
	return nil
}

// keep remembers an answer for as long as its request may come again.
func (a *answers) keep(given answer) {
	if a.last == nil {
		a.last = new([answersKept]answer)
	}
	a.last[a.next%answersKept] = given
	a.next++
}

// patience is how long a client goes on to send a request.
func (l *lane) patience() time.Duration {
	return l.d.cfg.Retry * time.Duration(l.d.cfg.Retries+1)
}
