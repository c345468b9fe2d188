package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pyaiot"
	"github.com/roost-iot/roost/wire/websocket"
)

// visit is one connection of a far Roost at the hub.
type visit struct {
	s        *Server
	g        *remote
	conn     *websocket.Conn
	ctx      context.Context // of what is asked of Core; ends with the connection
	old      uint64          // entries before it are of the time before this connection
	taken    atomic.Uint64   // entries up to it are with Core
	news     chan struct{}   // taken has changed
	complain time.Time
}

// serve reads until the connection ends; its things outlive it by the grace.
func (s *Server) serve(conn *websocket.Conn, key wire.NamedKey, remote string) {
	g, h, err := s.admit(conn, key)
	if err != nil {
		s.cfg.Log.Warn("gateway refused", "remote", remote, "err", err)
		_ = conn.Close(websocket.Policy, roost.Message(err))
		s.detach(conn)
		return
	}
	ctx, end := context.WithCancel(s.life)
	defer end()
	number := g.displace()
	g.turn.Lock()
	if !g.hold(number, func() { end(); _ = conn.Abort() }) { // a newer one has come meanwhile
		g.turn.Unlock()
		s.detach(conn)
		return
	}
	v := &visit{s: s, g: g, conn: conn, ctx: ctx, old: h.Next, news: make(chan struct{}, 1)}
	s.cfg.Log.Info("gateway connected", "gateway", g.name, "remote", remote, "version", h.Software, "kept", h.Beat.Entries)
	if ahead := time.Until(h.Clock); ahead.Abs() > 5*time.Second {
		s.cfg.Log.Warn("clock of the gateway differs from ours; times of its readings are by that clock", "gateway", g.name, "ahead", ahead.Round(time.Second))
	}
	err = v.run(h, remote, end)
	mark := g.disconnect(conn, err)
	s.cfg.Log.Info("gateway gone", "gateway", g.name, "remote", remote, "err", err)
	g.turn.Unlock()
	s.detach(conn)
	g.abandon(mark)
}

// admit reads the hello.
func (s *Server) admit(conn *websocket.Conn, key wire.NamedKey) (*remote, hello, error) {
	op, b, err := conn.Next()
	if err != nil {
		return nil, hello{}, fmt.Errorf("wait for hello: %w", err)
	}
	if op != websocket.Binary {
		return nil, hello{}, roost.Errorf(roost.Invalid, "A line begins with a hello.")
	}
	h, err := parseHello(b)
	if err != nil || h.Version < 1 || h.Instance == "" {
		return nil, hello{}, roost.Because(roost.Invalid, err, "The hello makes no sense.")
	}
	g := s.enlist(key, h)
	if g == nil {
		return nil, hello{}, roost.Errorf(roost.Denied, "The key of this gateway was revoked, or there are too many gateways.")
	}
	return g, h, nil
}

// displace ends the connection that has the turn, if there is one: this gateway is
// back by another. It gives the number of that.
func (g *remote) displace() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.comers++
	if g.holder != nil {
		g.holder()
	}
	return g.comers
}

// hold notes how the connection that has the turn is ended. False: it is not the newest.
func (g *remote) hold(number int, end func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.comers != number {
		return false
	}
	g.holder = end
	return true
}

// run serves one connection to its end.
func (v *visit) run(h hello, remote string, end func()) error {
	if err := v.conn.Write(websocket.AppendBinary(nil, welcome{Version: version, Software: v.s.cfg.Version}.append(nil))); err != nil {
		return err
	}
	v.conn.SetDead(deadAfter * v.s.cfg.beat)
	v.conn.SetMaxMessage(maxMessage)
	v.connect(h, remote)
	var parts sync.WaitGroup
	parts.Go(v.settle)
	err := v.read()
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok && !closed.Peer {
		_ = v.conn.Close(closed.Code, closed.Reason)
	}
	end()
	_ = v.conn.Cut()
	parts.Wait()
	return err
}

// connect makes the line the way to the gateway's things, and asks again for the
// outcome of commands that were under way when the line before was lost.
func (v *visit) connect(h hello, remote string) {
	g := v.g
	now := time.Now()
	g.mu.Lock()
	g.rename(h)
	g.line = v.conn
	g.status.Connected, g.status.Since, g.status.LastSeen = true, now, now
	g.status.Remote, g.status.Version, g.status.Doors, g.status.LastError = remote, h.Software, h.Doors, ""
	revoked := g.revoked
	again := make([]*errand, 0, len(g.waiting))
	for _, e := range g.waiting {
		again = append(again, e)
	}
	g.mu.Unlock()
	v.stand(h.Beat)
	for _, e := range again {
		e.send(v.conn)
	}
	if revoked {
		v.s.work.Go(g.expel)
	}
}

// stand notes how the far end says that it stands.
func (v *visit) stand(b beat) {
	v.g.note(func(st *Status) {
		st.Clock = time.Until(b.Clock)
		st.Spool = SpoolStatus{Entries: b.Entries, Bytes: int64(b.Bytes & (1<<62 - 1)), Oldest: b.Oldest, Dropped: b.Dropped}
		st.Lag = 0
		if !b.Oldest.IsZero() {
			st.Lag = max(b.Clock.Sub(b.Oldest), 0)
		}
		if b.Error != "" {
			st.LastError = b.Error
		}
	})
}

// disconnect takes the line down, and gives a mark by which abandon knows that it
// has not come back.
func (g *remote) disconnect(conn *websocket.Conn, err error) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.line == conn {
		g.line = nil
	}
	g.holder = nil
	g.lost++
	g.status.Connected, g.status.Since = false, time.Now()
	if closed, ok := errors.AsType[*websocket.CloseError](err); err != nil && (!ok || closed.Code != websocket.Normal) {
		g.status.LastError = cut(err.Error(), maxWord)
	}
	return g.lost
}

// abandon lets the things of a lost line go, unless it comes back within the grace.
func (g *remote) abandon(mark int) {
	grace := time.NewTimer(g.s.cfg.Grace)
	defer grace.Stop()
	select {
	case <-grace.C:
	case <-g.s.closing:
	}
	g.turn.Lock()
	defer g.turn.Unlock()
	g.mu.Lock()
	back := g.line != nil || g.lost != mark
	g.mu.Unlock()
	if back {
		return
	}
	ctx, stop := context.WithTimeout(g.s.life, drain)
	defer stop()
	for _, t := range g.things {
		if t.here || t.late {
			g.leave(ctx, t)
		}
	}
}

// leave tells Core that a thing is gone.
func (g *remote) leave(ctx context.Context, t *distant) {
	if t.here {
		g.note(func(st *Status) { st.Things-- })
	}
	t.here, t.late = false, false
	if err := g.s.cfg.Core.Leave(ctx, *t.ref.Load(), t); err != nil && roost.KindOf(err) != roost.NotFound {
		g.s.cfg.Log.Warn("thing not signed off", "thing", t.key.Own, "err", err)
	}
}

// settle acknowledges what is safely kept, and says now and then that the hub is here.
func (v *visit) settle() {
	beats := time.NewTicker(v.s.cfg.beat)
	defer beats.Stop()
	for {
		var message []byte
		select {
		case <-v.news:
			n := v.taken.Load()
			if err := v.s.cfg.Settle(v.ctx); err != nil {
				if v.ctx.Err() != nil {
					return
				}
				v.s.cfg.Log.Error("readings of a gateway not kept; they are not acknowledged", "gateway", v.g.name, "err", err)
				continue // with the next of them
			}
			message = appendAck(nil, n)
			if v.taken.Load() == n && n+1 >= v.old {
				v.g.note(func(st *Status) { st.Lag, st.Spool.Entries, st.Spool.Oldest = 0, 0, time.Time{} })
			}
		case <-beats.C:
			message = []byte{frameAlive}
		case <-v.ctx.Done():
			return
		}
		if err := v.conn.Write(websocket.AppendBinary(nil, message)); err != nil {
			_ = v.conn.Abort() // the reader sees it
			return
		}
	}
}

// read takes what the far end says.
func (v *visit) read() error {
	rolling := false
	for {
		op, b, err := v.conn.Next()
		if err != nil {
			return err
		}
		if v.ctx.Err() != nil {
			return v.ctx.Err()
		}
		v.g.note(func(st *Status) { st.LastSeen = time.Now() })
		if op != websocket.Binary || len(b) == 0 {
			return &websocket.CloseError{Code: websocket.Policy, Reason: "A line speaks in binary messages."}
		}
		switch kind := b[0]; kind {
		case frameEntries, frameCopies, frameRoll:
			first, list, err := parseEntries(b[1:])
			if err != nil {
				return &websocket.CloseError{Code: websocket.Policy, Reason: err.Error()}
			}
			switch kind {
			case frameEntries:
				err = v.entries(first, list)
			case frameCopies:
				err = v.takeAll(list, func(int) bool { return false })
			case frameRoll:
				rolling, err = v.roll(list, rolling, first == 0)
			}
			if err != nil {
				return err
			}
		case frameBeat:
			r := reader{b: b[1:]}
			if beat := r.beat(); r.err == nil {
				v.stand(beat)
			}
		}
	}
}

// roll takes a part of the list of things that are here; who is not in it has left.
func (v *visit) roll(list []Entry, rolling, last bool) (bool, error) {
	g := v.g
	if !rolling {
		for _, t := range g.things {
			t.rolled = false
		}
	}
	for i := range list {
		t := v.thing(list[i].Key)
		if t == nil {
			continue
		}
		t.rolled = true
		if err := v.one(t, &list[i], false); err != nil {
			return false, err
		}
	}
	if !last {
		return true, nil
	}
	for _, t := range g.things {
		if t.here && !t.rolled {
			g.leave(v.ctx, t)
		}
	}
	return false, nil
}

// entries takes numbered ones, in order.
func (v *visit) entries(first uint64, list []Entry) error {
	if len(list) == 0 {
		return nil
	}
	if err := v.takeAll(list, func(i int) bool { return first+uint64(i) < v.old }); err != nil {
		return err
	}
	last := first + uint64(len(list)) - 1
	if last+1 >= v.old && v.taken.Load()+1 < v.old { // all of the time before is in
		for _, t := range v.g.things {
			if t.late && !t.here {
				v.g.leave(v.ctx, t)
			}
		}
	}
	v.taken.Store(last)
	poke(v.news)
	return nil
}
