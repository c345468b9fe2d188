package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roost-iot/roost/wire/coap"
)

// CoAPPost measures how many confirmable requests of many endpoints a CoAP
// server answers; each endpoint has one open. Defaults: 64 endpoints, POST
// /server of a value, after each has made itself known. With Bare, Method and
// Path it loads any CoAP server.
func CoAPPost(ctx context.Context, c Config) (Result, error) {
	c = c.withDefaults(load{things: 64})
	method := coap.POST
	if strings.EqualFold(c.Method, "put") {
		method = coap.PUT
	} else if !strings.EqualFold(c.Method, "post") {
		return Result{}, fmt.Errorf("method %q: POST or PUT", c.Method)
	}
	if err := c.check(ctx, c.CoAP); err != nil {
		return Result{}, err
	}
	ends, err := greeted(ctx, c)
	if err != nil {
		return Result{}, err
	}
	defer closeEnds(ends)
	p := newPosting(len(ends))
	for _, e := range ends {
		e.prepare(method, c.Path)
	}
	r, err := p.run(ctx, c, ends)
	r.Scenario, r.Load = "coap-post", map[string]int{"endpoints": c.Things}
	return r, err
}

// greeted opens the endpoints of c and, unless c is Bare, makes them known.
func greeted(ctx context.Context, c Config) ([]*coapEnd, error) {
	ends, err := coapEnds(c.CoAP, c.Things)
	if err != nil {
		return nil, err
	}
	if c.Bare {
		return ends, nil
	}
	all, _ := errgroup.WithContext(ctx)
	all.SetLimit(32)
	for _, e := range ends {
		all.Go(e.greet)
	}
	if err := all.Wait(); err != nil {
		closeEnds(ends)
		return nil, err
	}
	return ends, nil
}

// posting is a number of endpoints that post as fast as they are answered.
type posting struct {
	began    time.Time
	from, to atomic.Int64 // answers at that time (ns since began) are counted
	posters  []poster
}

// poster is what one endpoint did.
type poster struct {
	p       *posting
	number  uint64
	payload []byte
	sent    time.Duration // since p began
	count   uint64
	refused uint64
	took    histogram
	_       [64]byte
}

func newPosting(n int) *posting {
	p := &posting{began: time.Now(), posters: make([]poster, n)}
	p.from.Store(int64(MaxDuration) * 2)
	p.to.Store(int64(MaxDuration) * 2)
	for i := range p.posters {
		p.posters[i].p = p
	}
	return p
}

// run lets every endpoint post until time is up: all on one thread where the
// system has the means for it, else each on a goroutine.
func (p *posting) run(ctx context.Context, c Config, ends []*coapEnd) (Result, error) {
	running, stop := context.WithCancel(ctx)
	defer stop()
	all, posting := errgroup.WithContext(running)
	if canPoll && !c.spread {
		all.Go(func() error { return p.flood(posting, ends) })
	} else {
		for i, e := range ends {
			all.Go(func() error {
				unhook := context.AfterFunc(posting, func() { _ = e.conn.SetDeadline(time.Unix(1, 0)) })
				defer unhook()
				return timeIsUp(posting, p.posters[i].loop(posting, e))
			})
		}
	}
	var r Result
	pause(posting, c.Warmup)
	before, start := usageNow(c.PID), time.Since(p.began)
	p.from.Store(int64(start))
	pause(posting, c.Duration)
	finish := time.Since(p.began)
	p.to.Store(int64(finish))
	r.used(c.PID, before, usageNow(c.PID))
	stop()
	err := all.Wait()
	var took histogram
	var count, refused uint64
	for i := range p.posters {
		count += p.posters[i].count
		refused += p.posters[i].refused
		took.merge(&p.posters[i].took)
	}
	r.timed("answered", count, finish-start, &took)
	if refused > 0 {
		r.more("answered with an error", float64(refused))
	}
	if err == nil {
		err = ctx.Err()
	}
	return r, err
}

// timeIsUp drops errors that come of ending.
func timeIsUp(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) || errors.Is(err, errNoAnswer)) {
		return nil
	}
	return err
}

// loop posts values until ctx ends.
func (s *poster) loop(ctx context.Context, e *coapEnd) error {
	for ctx.Err() == nil {
		payload := s.next()
		code, err := e.do(payload)
		if err != nil {
			return err
		}
		s.answered(code)
	}
	return nil
}

// next gives the next value to post, and takes the time.
func (s *poster) next() []byte {
	s.number++
	s.payload = value(append(s.payload[:0], resource+":"...), s.number)
	s.sent = time.Since(s.p.began)
	return s.payload
}

// answered counts the answer to it.
func (s *poster) answered(code coap.Code) {
	at := time.Since(s.p.began)
	if int64(at) < s.p.from.Load() || int64(at) >= s.p.to.Load() {
		return
	}
	s.count++
	s.took.add(at - s.sent)
	if !code.IsSuccess() {
		s.refused++
	}
}
