package exchange

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost/wire/coap"
)

// Conn is the socket under an Endpoint; *net.UDPConn is one. Its caller opens
// and closes it.
type Conn interface {
	ReadFromUDPAddrPort(b []byte) (n int, remote netip.AddrPort, err error)
	WriteToUDPAddrPort(b []byte, remote netip.AddrPort) (n int, err error)
	SetReadDeadline(t time.Time) error
}

// Endpoint is one end of CoAP exchanges at one address. Its methods may be
// called from any goroutine; those that wait for a remote need Run running.
type Endpoint struct {
	conn    Conn // what starts here leaves by it; answers leave by the socket of their request
	conns   []Conn
	c       Config
	started time.Time
	nextID  atomic.Uint32 // of the messages that start here
	count   counters
	noise   quietly

	seen      duplicates
	peers     peers
	open      conversations
	uploads   transfers[*upload]
	downloads transfers[*download]
	watched   observers

	life   sync.Mutex
	ended  bool
	end    chan struct{} // closed when Run ends
	others sync.WaitGroup
}

// New makes an Endpoint over conn. Nothing happens before Run.
func New(conn Conn, c Config) *Endpoint {
	e := &Endpoint{conn: conn, conns: append([]Conn{conn}, c.More...), c: c.withDefaults(), started: time.Now(), end: make(chan struct{})}
	e.nextID.Store(rand.Uint32())
	e.seen.init(e.c.Duplicates, e.c.DuplicateBytes, e.c.Lifetime)
	e.uploads.limit, e.downloads.limit = e.c.Transfers, e.c.Transfers
	return e
}

// Run reads the sockets until ctx ends or one of them is closed, then gives up
// what is open (ErrClosed) and waits for every goroutine it started. It returns
// nil after ctx ended, and leaves a read deadline on the sockets then. It can be
// called once.
func (e *Endpoint) Run(ctx context.Context) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	wake := context.AfterFunc(reading, func() {
		for _, c := range e.conns {
			_ = c.SetReadDeadline(time.Unix(1, 0))
		}
	})
	defer wake()
	failed := make(chan error, e.c.Readers*len(e.conns))
	var readers sync.WaitGroup
	for _, c := range e.conns {
		for range e.c.Readers {
			readers.Go(func() {
				failed <- e.read(reading, c)
				stop()
			})
		}
	}
	e.spawn(e.sweep)
	readers.Wait()
	e.life.Lock()
	e.ended = true
	close(e.end)
	e.life.Unlock()
	e.others.Wait()
	if err := <-failed; ctx.Err() == nil {
		return fmt.Errorf("read coap socket: %w", err)
	}
	return nil
}

// spawn runs f on a goroutine that Run waits for; f returns soon after e.end
// closes. False: Run has ended, f does not run.
func (e *Endpoint) spawn(f func()) bool {
	e.life.Lock()
	defer e.life.Unlock()
	if e.ended {
		return false
	}
	e.others.Go(f)
	return true
}

// sweep forgets from time to time what has expired.
func (e *Endpoint) sweep() {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-e.end:
			return
		case <-tick.C:
			now := e.now()
			e.seen.expire(now)
			e.uploads.expire(now - e.c.TransferIdle)
			e.downloads.expire(now - e.c.TransferIdle)
		}
	}
}

// now is the time since the endpoint was made.
func (e *Endpoint) now() time.Duration { return time.Since(e.started) }

// newID is the Message ID of a message that starts here.
func (e *Endpoint) newID() uint16 { return uint16(e.nextID.Add(1)) }

// reader is what one reading goroutine uses again for every datagram.
type reader struct {
	e       *Endpoint
	conn    Conn
	ctx     context.Context
	batch   *batch // nil: datagrams come one by one
	at      int    // in the batch
	in      []byte // without a batch
	out     []byte
	message coap.Message
	request Request
}

// read serves datagrams until the socket is closed or ctx ends.
func (e *Endpoint) read(ctx context.Context, conn Conn) error {
	r := &reader{e: e, conn: conn, ctx: ctx, batch: newBatch(conn, e.c.Batch, e.c.MaxDatagram+1)}
	defer r.close()
	faults := 0
	for ctx.Err() == nil {
		remote, err := r.next()
		if err == nil {
			faults = 0
			continue
		}
		if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
			return err
		}
		// An ICMP answer to something sent earlier, or a passing fault of the
		// system: neither ends the reading, and neither may make it spin.
		e.count.readErrors.Add(1)
		e.noise.debug(e.c.Log, e.now(), "reading failed", remote, err)
		if faults++; faults > 10 {
			e.rest(ctx, min(time.Duration(faults)*time.Millisecond, 100*time.Millisecond))
		}
	}
	return ctx.Err()
}

// next reads once and serves what came. remote is whom an error is about, if that is known.
func (r *reader) next() (remote netip.AddrPort, err error) {
	if r.batch != nil {
		n, err := r.batch.read()
		if !errors.Is(err, errNoBatch) {
			r.serveAll(n)
			return netip.AddrPort{}, err
		}
		r.close()
	}
	if r.in == nil {
		r.in = make([]byte, r.e.c.MaxDatagram+1)
	}
	n, remote, err := r.conn.ReadFromUDPAddrPort(r.in)
	if err != nil {
		return remote, err
	}
	r.receive(r.in[:n], unmapped(remote))
	r.slim()
	return remote, nil
}

// close ends the reading in batches.
func (r *reader) close() {
	if r.batch != nil {
		r.batch.close()
		r.batch = nil
	}
}

// serveAll serves the datagrams of a batch; what is answered at once leaves together.
func (r *reader) serveAll(n int) {
	for r.at = range n {
		b, remote := r.batch.datagram(r.at)
		r.receive(b, unmapped(remote))
		r.slim()
	}
	r.flush()
}

// rest waits for d or the end of ctx.
func (e *Endpoint) rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// slim gives back what one monstrous datagram made the reader grow to.
func (r *reader) slim() {
	if cap(r.message.Options) > 256 {
		r.message.Options = nil
	}
	if cap(r.out) > 64<<10 {
		r.out = nil
	}
	r.request = Request{}
}

// send writes one datagram of those that start here.
func (e *Endpoint) send(b []byte, remote netip.AddrPort) error {
	return e.sendBy(e.conn, b, remote)
}

// sendBy writes one datagram. Whoever answers takes the socket of what is
// answered, so that readers do not wait for each other.
func (e *Endpoint) sendBy(conn Conn, b []byte, remote netip.AddrPort) error {
	_, err := conn.WriteToUDPAddrPort(b, remote)
	if err != nil {
		e.count.sendErrors.Add(1)
	}
	return err
}

// sendEmpty writes an empty acknowledgement or reset.
func (r *reader) sendEmpty(t coap.Type, id uint16, remote netip.AddrPort) {
	m := coap.Message{Type: t, ID: id}
	r.out = m.Append(r.out[:0])
	r.send(r.out, remote)
}

// send writes an answer to the datagram that is being served; one that fails is lost as
// if on its way.
func (r *reader) send(b []byte, remote netip.AddrPort) {
	if r.batch == nil {
		_ = r.e.sendBy(r.conn, b, remote)
		return
	}
	r.batch.answer(r.at, b)
	if r.batch.full() {
		r.flush()
	}
}

// flush lets answers leave that wait for others.
func (r *reader) flush() {
	if r.batch != nil {
		r.e.count.sendErrors.Add(uint64(r.batch.flush()))
	}
}
