package mqttsn

import "sync/atomic"

// Stats counts.
type Stats struct {
	Clients, Asleep int   // known now; Asleep are those that also sleep now
	Topics          int   // registered now, by and for all clients
	Received, Sent  int64 // datagrams
	Published       int64 // messages taken from clients
	Delivered       int64 // messages sent to clients, repeats not counted
	Repeated        int64 // sent again because nobody answered
	Duplicates      int64 // requests that came again and got the same answer
	Malformed       int64 // datagrams that are no frame
	Misplaced       int64 // frames in the wrong state
	Overrun         int64 // datagrams dropped because a lane was full
	Refused         int64 // CONNECTs that were not accepted
	Lost            int64 // clients that fell silent
	Unnameable      int64 // messages dropped because the client did not take their topic
	TooLarge        int64 // messages dropped because they fit no datagram
	Adopted         int64 // clients taken in without a CONNECT
}

type counters struct {
	asleep                                                     atomic.Int64
	received, sent, published, delivered, repeated, duplicates atomic.Int64
	malformed, misplaced, overrun, refused, lost               atomic.Int64
	unnameable, tooLarge, adopted                              atomic.Int64
}

// Stats tells how much the door has to do.
func (d *Door) Stats() Stats {
	n := &d.count
	return Stats{
		Clients: d.known.len(), Asleep: int(n.asleep.Load()), Topics: int(d.topics.Load()),
		Received: n.received.Load(), Sent: n.sent.Load(), Published: n.published.Load(), Delivered: n.delivered.Load(),
		Repeated: n.repeated.Load(), Duplicates: n.duplicates.Load(), Malformed: n.malformed.Load(),
		Misplaced: n.misplaced.Load(), Overrun: n.overrun.Load(), Refused: n.refused.Load(), Lost: n.lost.Load(),
		Unnameable: n.unnameable.Load(), TooLarge: n.tooLarge.Load(), Adopted: n.adopted.Load(),
	}
}
