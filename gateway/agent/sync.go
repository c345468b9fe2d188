package agent

import (
	"context"
	"encoding/json"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/agent"
)

// sync is the one call of a running thing: takes what it says, and answers when there is
// something for it.
func (d *Door) sync(ctx context.Context, c *call, s *session, plain []byte) ([]byte, error) {
	q, err := wire.ParseSync(plain)
	if err != nil {
		return nil, err
	}
	t := s.thing
	upto, err := t.take(ctx, c, s, q)
	if err != nil {
		return nil, err
	}
	until := c.now.Add(time.Duration(q.Wait) * time.Second)
	if len(q.Queue) > 0 {
		until = c.now // what it sent is on disk: it shall know
	}
	return t.reply(ctx, s, q, upto, until)
}

// reply answers when there is something to say, at the latest at the time until.
func (t *thing) reply(ctx context.Context, s *session, q wire.Sync, upto int64, until time.Time) ([]byte, error) {
	var w *waiter
	if time.Until(until) > 0 {
		w = t.wait(until)
		defer t.leave(w)
	}
	for {
		answer, some, err := t.say(ctx, s, &q, upto)
		if err != nil || some || w == nil {
			return answer, err
		}
		look := time.Until(until)
		if t.gave() {
			look = min(look, giveAgain)
		}
		left := time.NewTimer(look)
		select {
		case <-w.news:
		case <-left.C:
			if time.Until(until) <= 0 {
				w = nil
			}
		case <-w.displaced:
			w = nil
		case <-t.d.closing:
			w = nil
		case <-ctx.Done():
			left.Stop()
			return nil, ctx.Err()
		}
		left.Stop()
	}
}

// take takes what a sync brings, and gives the time up to which its queue is on disk.
func (t *thing) take(ctx context.Context, c *call, s *session, q wire.Sync) (upto int64, err error) {
	t.turn.Lock()
	defer t.turn.Unlock()
	if !t.d.sessions.good(s) {
		return 0, errHello
	}
	ran := t.ran()
	t.noteSync(c, &q)
	if err := t.arrive(ctx, c, false, time.Duration(q.Wait)*time.Second); err != nil {
		return 0, err
	}
	t.d.cfg.Releases.Contact(t.ref, c.now)
	if err := t.takeStatuses(ctx, q, c.now); err != nil {
		return 0, err
	}
	if err := t.takeAnswers(ctx, q); err != nil {
		return 0, err
	}
	if err := t.takeProgress(ctx, c, &q); err != nil {
		return 0, err
	}
	if err := t.noteBoot(ctx, c, &q, ran); err != nil {
		return 0, err
	}
	t.runs(q.Boot, q.Up)
	return t.takeQueue(ctx, q)
}

// noteSync remembers what changes with each sync; the caller holds t.turn.
func (t *thing) noteSync(c *call, q *wire.Sync) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cameAgain(c.now)
	t.memory, t.ip, t.rssi = q.Mem, q.IP, q.RSSI
}

// noteBoot deals with a boot that did not register, and with versions that run since; the
// caller holds t.turn. ran is how long the last boot did.
func (t *thing) noteBoot(ctx context.Context, c *call, q *wire.Sync, ran time.Duration) error {
	was := t.now()
	booted := was.Boot != q.Boot
	moved := q.OS != "" && q.OS != was.OS.Version || q.App != "" && q.App != was.App.Version
	if !booted && (!moved && q.Slots == nil || installed(was.Offer)) {
		return nil // what it has installed runs after its restart
	}
	if booted {
		t.mu.Lock()
		twins := t.before == q.Boot
		t.before = was.Boot
		t.mu.Unlock()
		if twins {
			t.d.write(t.ref, "warn", "two boards use the key of this thing, or its flash was copied: each says that it has booted since the other; give one of them a key of its own", "")
		}
		if err := t.rebooted(ctx, was, wire.Register{Boot: q.Boot}); err != nil {
			return err
		}
	}
	says := func(a *roost.Agent) { keepSync(a, q, c.now) }
	next := t.now()
	says(&next)
	var began bool
	var err error
	switch {
	case booted:
		began, err = t.starts(ctx, c, next, true, ran)
	case moved:
		began, err = t.begin(ctx, c, next, false)
	}
	if err != nil {
		return err
	}
	if err := t.change(ctx, says); err != nil {
		return err
	}
	if began {
		t.tellStart(wire.Register{})
	}
	return t.judge(ctx, c.now)
}

// keepSync puts into a what a sync says of the boot and of what runs.
func keepSync(a *roost.Agent, q *wire.Sync, now time.Time) {
	if a.Boot != q.Boot {
		a.Boot, a.Booted = q.Boot, now
		a.Reset, a.Why = "", "" // it has not said
	}
	if q.Slots != nil {
		a.OS, a.App = slots(q.Slots.OS, q.OS), slots(q.Slots.App, q.App)
	}
	if q.OS != "" {
		a.OS.Version = q.OS
	}
	if q.App != "" {
		a.App.Version = q.App
	}
}

// installed tells that a thing is about to restart into an update.
func installed(o *roost.Offer) bool {
	return o != nil && o.State == roost.OfferInstalled && time.Since(o.At) < bootWithin
}

// takeStatuses keeps how the parts of the thing are doing. The thing tells what is news, and
// once. Error: roost.Unavailable.
func (t *thing) takeStatuses(ctx context.Context, q wire.Sync, now time.Time) error {
	news := false
	for name, st := range q.Status {
		part := roost.Part(name)
		if name == "os" {
			part = roost.PartOS
		}
		switch part {
		case roost.PartOS, roost.PartWorker, roost.PartManagement:
			news = t.d.cfg.Releases.Report(t.ref, part, st.OK, st.Text, now) || news
		}
	}
	if !news {
		return nil
	}
	return t.d.cfg.Releases.Keep(ctx, t.ref)
}

// room is for what an answer has beside its members, in bytes.
const room = 64

// say makes the answer to a sync. some: there is something in it.
func (t *thing) say(ctx context.Context, in *session, q *wire.Sync, upto int64) (answer []byte, some bool, err error) {
	t.turn.Lock()
	defer t.turn.Unlock()
	if !t.d.sessions.good(in) { // who has the old key learns nothing more
		return nil, false, errHello
	}
	facts := t.now()
	if facts.Boot != q.Boot { // it has booted since it asked
		return t.encode(wire.Answer{}, upto)
	}
	most := facts.Max
	if most == 0 {
		most = wire.MaxBody
	}
	most -= wire.Overhead + room
	a := wire.Answer{Upto: upto}
	some = upto > 0
	if s := t.settings(); s != nil && s.Tag != q.Set {
		a.Settings, some = s, true
		q.Set = s.Tag // once in an answer is enough
	}
	cmds, more := t.commands(ctx, q, most-sizeOf(a))
	a.Commands, a.Again = cmds, more
	some = some || len(cmds) > 0
	u, err := t.update(ctx, most)
	if err != nil {
		return nil, false, err
	}
	if u != nil {
		some = true
		if a.Update = u; sizeOf(a) > most {
			a.Update, a.Again = nil, true
		} else {
			t.showedOffer()
		}
	}
	b, _, err := t.encode(a, upto)
	return b, some, err
}

// encode makes an answer ready; its bool is that of say.
func (t *thing) encode(a wire.Answer, upto int64) ([]byte, bool, error) {
	a.Now, a.Upto = time.Now().UnixMilli(), upto
	b, err := json.Marshal(a)
	return b, true, err
}

// sizeOf is how long an answer would be, in bytes.
func sizeOf(a wire.Answer) int {
	a.Now = time.Now().UnixMilli()
	b, err := json.Marshal(a)
	if err != nil {
		return wire.MaxBody
	}
	return len(b)
}
