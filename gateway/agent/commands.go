package agent

import (
	"context"
	"slices"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	wire "github.com/roost-iot/roost/wire/agent"
)

// giveAgain is how long a thing has to say that it has what it was given, before that is
// given again.
const giveAgain = time.Second

// takeAnswers ends commands by the thing's own word; the caller holds t.turn. The thing
// forgets its answers with the reply, so they are on disk before. Error: roost.Unavailable.
func (t *thing) takeAnswers(ctx context.Context, q wire.Sync) error {
	for _, k := range q.Acks {
		a := gateway.Answer{ID: k.ID, State: roost.Done, Value: k.Body}
		if a.Value == "null" {
			a.Value = ""
		}
		if !k.OK {
			a.State, a.Error, a.Value = roost.Failed, a.Value.AsText(), ""
			if a.Error == "" {
				a.Error = "The thing could not do it."
			}
		}
		cmd, fetched := t.d.cfg.Commands.Fetched(t.ref)
		if fetched && cmd.ID == k.ID && cmd.Kind == roost.Restart && k.OK {
			continue // it is done when the thing has booted
		}
		if err := t.answer(ctx, a); err != nil {
			return err
		}
		t.endSet(k.ID, nil)
	}
	return nil
}

// commands gives what the thing is asked, in at most size bytes; the caller holds t.turn.
// more: there is something that did not fit.
func (t *thing) commands(ctx context.Context, q *wire.Sync, size int) (list []wire.Command, more bool) {
	has := func(id string) bool {
		return slices.Contains(q.Have, id) || slices.ContainsFunc(q.Acks, func(a wire.Ack) bool { return a.ID == id })
	}
	list, size, more = t.giveSets(has, size)
	cmd, ok := t.fetch(ctx)
	if !ok || has(cmd.ID) {
		return list, more
	}
	t.mu.Lock()
	early := time.Since(t.given) < giveAgain && t.facts.Given == cmd.ID
	t.mu.Unlock()
	if early {
		return list, more
	}
	c := wire.Command{ID: cmd.ID, Kind: string(cmd.Kind), Body: cmd.Value}
	switch n := sizeOfCommand(c); {
	case n <= size:
		t.mu.Lock()
		t.given = time.Now()
		t.mu.Unlock()
		return append(list, c), more
	case n > t.mostCommand():
		_ = t.answer(ctx, gateway.Answer{ID: cmd.ID, State: roost.Failed, Error: "This is longer than what the thing takes."}) // it ends here, whether that is on disk or not
	}
	return list, true
}

// mostCommand is the longest command that the thing takes at all, in bytes.
func (t *thing) mostCommand() int {
	most := t.now().Max
	if most == 0 {
		most = wire.MaxBody
	}
	return most - wire.Overhead - 2*room
}

// sizeOfCommand is how much longer c makes an answer, in bytes.
func sizeOfCommand(c wire.Command) int {
	return sizeOf(wire.Answer{Commands: []wire.Command{c}}) - sizeOf(wire.Answer{}) + 1
}

// giveSets gives the values that the thing does not have yet, in at most size bytes, and what
// is left of these; the caller holds t.turn. more: there is one that did not fit.
func (t *thing) giveSets(has func(string) bool, size int) (list []wire.Command, left int, more bool) {
	t.mu.Lock()
	order := slices.Clone(t.order)
	t.mu.Unlock()
	for _, id := range order {
		t.mu.Lock()
		s, ok := t.sets[id]
		t.mu.Unlock()
		if !ok || has(id) || time.Since(s.given) < giveAgain {
			continue
		}
		c, err := setCommand(s.cmd)
		n := sizeOfCommand(c)
		if err == nil && n > t.mostCommand() {
			err = roost.Errorf(roost.TooLarge, "This value is longer than what the thing takes.")
		}
		if err != nil {
			t.endSet(id, err)
			continue
		}
		if n > size {
			return list, size, true
		}
		size -= n
		list = append(list, c)
		t.mu.Lock()
		if s, ok := t.sets[id]; ok {
			s.given = time.Now()
			t.sets[id] = s
		}
		t.mu.Unlock()
	}
	return list, size, false
}

// fetch gives the command that the thing shall have next, noted down as given in this
// boot; the caller holds t.turn.
func (t *thing) fetch(ctx context.Context) (roost.Command, bool) {
	for {
		facts := t.now()
		cmd, ok := t.d.cfg.Commands.Fetched(t.ref)
		if ok && cmd.ID == facts.Given {
			if facts.GivenBoot == facts.Boot {
				return cmd, true
			}
			_ = t.otherBoot(ctx, cmd) // it has ended here, whether that is on disk or not
			continue
		}
		if !ok {
			if cmd, ok = t.d.cfg.Commands.Fetch(ctx, t.ref); !ok {
				return cmd, false
			}
		}
		err := t.change(ctx, func(a *roost.Agent) { a.Given, a.GivenBoot = cmd.ID, a.Boot })
		if err != nil {
			t.d.cfg.Commands.PutBack(t.ref, cmd.ID)
			t.d.cfg.Log.Log(ctx, gateway.Fault(ctx), "command not given", "thing", string(t.ref.Thing), "protocol", doorName, "err", err)
			return cmd, false
		}
		return cmd, true
	}
}

// gave tells that something was given not long ago, or a set that has not ended.
func (t *thing) gave() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.sets {
		if !s.given.IsZero() {
			return true
		}
	}
	return time.Since(t.given) < 2*giveAgain
}
