package exchange

import (
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"
)

// Stats counts what an Endpoint saw since its start.
type Stats struct {
	Requests   uint64 // handed to the handler
	Duplicates uint64 // answered from memory or dropped
	Malformed  uint64 // no CoAP; reset when confirmable, else dropped
	Rejected   uint64 // well-formed and reset all the same
	ReadErrors uint64
	SendErrors uint64
	Dropped    uint64 // notifications that a slow observer callback made room for
}

type counters struct {
	requests, duplicates, malformed, rejected atomic.Uint64
	readErrors, sendErrors, dropped           atomic.Uint64
}

// Stats returns the counts so far.
func (e *Endpoint) Stats() Stats {
	c := &e.count
	return Stats{
		Requests: c.requests.Load(), Duplicates: c.duplicates.Load(),
		Malformed: c.malformed.Load(), Rejected: c.rejected.Load(),
		ReadErrors: c.readErrors.Load(), SendErrors: c.sendErrors.Load(),
		Dropped: c.dropped.Load(),
	}
}

// quietly lets one log line a second pass and counts the others.
type quietly struct {
	next    atomic.Int64 // ns since the endpoint's start
	skipped atomic.Uint64
}

func (q *quietly) debug(log *slog.Logger, now time.Duration, what string, remote netip.AddrPort, err error) {
	next := q.next.Load()
	if int64(now) < next || !q.next.CompareAndSwap(next, int64(now+time.Second)) {
		q.skipped.Add(1)
		return
	}
	log.Debug(what, "protocol", "coap", "remote", remote, "err", err, "skipped", q.skipped.Swap(0))
}
