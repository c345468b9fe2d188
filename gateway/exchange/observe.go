package exchange

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/roost-iot/roost/wire/coap"
)

// Observation is a resource of a remote whose changes come by themselves
// (RFC 7641, 3).
type Observation struct {
	e       *Endpoint
	remote  netip.AddrPort
	message coap.Message // the registration
	inbox   *wait
	tell    func(Response)

	known  bool // the values below are of a notification
	seq    uint32
	at     time.Duration
	maxAge time.Duration

	again  chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
	once   sync.Once
	err    error // after done
}

// Observe asks to be told the state of a resource, now and at every change. tell
// gets the states in their order, one call at a time on a goroutine of its own;
// while it works up to 16 wait and then the oldest is dropped. ctx ends the
// registration, not the observation: Stop does.
//
// When Max-Age has passed without news the registration is repeated. The
// observation ends (Done, Err) with a remote that can not be reached for that,
// with the first response that is an error or not observed (tell still gets it),
// and with Run. ErrNotObservable: the remote answered and will not tell.
func (e *Endpoint) Observe(ctx context.Context, remote netip.AddrPort, r *Request, tell func(Response)) (*Observation, error) {
	o := &Observation{
		e: e, remote: unmapped(remote), tell: tell,
		inbox: &wait{inbox: make(chan arrival, 16), many: true},
		again: make(chan struct{}, 1), done: make(chan struct{}),
	}
	m := coap.Message{Code: r.Code, Options: r.Options.Clone(), Payload: r.Payload}
	o.message = m.Clone()
	first, err := o.begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("observe %s at %v: %w", r.Options.Path(), remote, err)
	}
	return o, o.follow(first)
}

// begin registers for the first time.
func (o *Observation) begin(ctx context.Context) (arrival, error) {
	if err := o.message.Check(); err != nil {
		return arrival{}, err
	}
	token, ok := o.e.open.join(o.remote, o.inbox)
	if !ok {
		return arrival{}, ErrBusy
	}
	o.message.Token = token
	first, err := o.ask(ctx, coap.Register)
	if err == nil && (!first.Code.IsSuccess() || !first.Options.Has(coap.Observe)) {
		err = fmt.Errorf("%w: %v", ErrNotObservable, first.Code)
	}
	if err != nil {
		o.e.open.leave(o.remote, token)
	}
	return first, err
}

// follow starts the goroutine that waits for notifications.
func (o *Observation) follow(first arrival) error {
	ctx, cancel := context.WithCancel(context.Background())
	o.cancel = cancel
	if o.e.spawn(func() { o.run(ctx, first) }) {
		return nil
	}
	cancel()
	o.e.open.leave(o.remote, o.message.Token)
	o.finish(ErrClosed)
	return ErrClosed
}

// Stop ends the observation and lets the remote know. It does not wait; after
// Done tell is not called any more.
func (o *Observation) Stop() { o.cancel() }

// Refresh registers anew, for a remote that may have forgotten: it has started
// again, for example.
func (o *Observation) Refresh() {
	select {
	case o.again <- struct{}{}:
	default:
	}
}

// Done is closed when the observation has ended.
func (o *Observation) Done() <-chan struct{} { return o.done }

// Err says, after Done, why the observation ended; nil after Stop.
func (o *Observation) Err() error {
	select {
	case <-o.done:
		return o.err
	default:
		return nil
	}
}

// run is the life of an observation from its first response on.
func (o *Observation) run(ctx context.Context, first arrival) {
	defer o.e.open.leave(o.remote, o.message.Token)
	defer o.cancel()
	old := time.NewTimer(time.Hour)
	defer old.Stop()
	err := o.take(ctx, first)
	for err == nil {
		old.Reset(o.patience())
		select {
		case a := <-o.inbox.inbox:
			err = o.take(ctx, a)
		case <-old.C:
			err = o.renew(ctx)
		case <-o.again:
			err = o.renew(ctx)
		case <-o.e.end:
			err = ErrClosed
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if ctx.Err() == nil {
		o.finish(err)
		return
	}
	o.finish(nil)
	for len(o.inbox.inbox) > 0 {
		<-o.inbox.inbox
	}
	_, _ = o.ask(context.Background(), coap.Deregister)
}

func (o *Observation) finish(err error) {
	o.once.Do(func() {
		o.err = err
		close(o.done)
	})
}

// patience is how long the newest state counts: its Max-Age and 5 to 15 s more,
// so that not every client asks at once (RFC 7641, 3.3.1).
func (o *Observation) patience() time.Duration {
	return o.maxAge + 5*time.Second + rand.N(10*time.Second)
}

// take handles one notification; an error ends the observation.
func (o *Observation) take(ctx context.Context, a arrival) error {
	seq, observed := a.Options.Uint(coap.Observe)
	if !a.Code.IsSuccess() || !observed {
		o.tell(a.Response)
		return fmt.Errorf("%w any more: %v", ErrNotObservable, a.Code)
	}
	if o.known && !coap.Fresher(o.seq, seq, a.at-o.at) {
		return nil
	}
	o.known, o.seq, o.at, o.maxAge = true, seq, a.at, maxAge(a.Options)
	t := &turn{e: o.e, remote: o.remote}
	defer t.give()
	whole, err := o.e.fetchRest(ctx, t, &o.message, a.Response)
	if err != nil && len(o.inbox.inbox) == 0 && ctx.Err() == nil {
		// It has changed while it was fetched, and no newer news is here: ask.
		m := coap.Message{Code: o.message.Code, Options: o.message.Options, Payload: o.message.Payload}
		t.give()
		whole, err = o.e.do(ctx, o.remote, &m)
	}
	if err != nil {
		o.e.noise.debug(o.e.c.Log, o.e.now(), "notification incomplete", o.remote, err)
		return ctx.Err()
	}
	o.tell(whole)
	return nil
}

// maxAge is how long a response is fresh: 60 s unless it says (RFC 7252,
// 5.10.5).
func maxAge(o coap.Options) time.Duration {
	if v, ok := o.Uint(coap.MaxAge); ok {
		return time.Duration(v) * time.Second
	}
	return time.Minute
}

// renew repeats the registration. What the remote answers counts as new whatever
// its number: it may have started again and count from the beginning.
func (o *Observation) renew(ctx context.Context) error {
	for len(o.inbox.inbox) > 0 {
		if err := o.take(ctx, <-o.inbox.inbox); err != nil {
			return err
		}
	}
	a, err := o.ask(ctx, coap.Register)
	if err != nil {
		return err
	}
	o.known = false
	return o.take(ctx, a)
}

// ask sends a GET with the observation's token and that Observe value, and waits
// for the first response.
func (o *Observation) ask(ctx context.Context, observe uint32) (arrival, error) {
	t := &turn{e: o.e, remote: o.remote}
	if err := t.take(ctx); err != nil {
		return arrival{}, err
	}
	defer t.give()
	m := o.message
	m.Options = o.message.Options.Clone()
	m.Options.SetUint(coap.Observe, observe)
	return o.e.converse(ctx, t, &m, o.inbox)
}
