package pythings

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
)

// retryWithin is how soon a device asks again when an answer did not come whole: it
// pauses 3 s.
const retryWithin = 5 * time.Second

// managed is the answer to a management call; its members stand in Pythings' order.
type managed struct {
	Settings *settings       `json:"settings,omitempty"` // nil: the device goes on with those that it has
	Msg      json.RawMessage `json:"msg,omitempty"`
	Mid      string          `json:"mid,omitempty"`
	Type     string          `json:"type,omitempty"`
	OldMsg   json.RawMessage `json:"app_data,omitempty"` // generation 0
	OldMid   string          `json:"app_data_id,omitempty"`
}

// management tells a thing its settings and gives it one message.
func (d *Door) management(ctx context.Context, c *call) (answer, error) {
	err := d.session(ctx, c)
	if errors.Is(err, errLost) {
		return d.lead(c), nil
	}
	if err != nil {
		return answer{}, err
	}
	wanted, ok := d.cfg.Releases.Wanted(c.thing.ref)
	if !ok { // its app was deleted: it goes on with what it has
		return answer{json: managed{}}, nil
	}
	s, note, err := d.settingsFor(ctx, c, wanted)
	if err != nil {
		return answer{}, err
	}
	t := c.thing
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begin(c.run.ID)
	if t.noted != note {
		if t.noted = note; note != "" {
			d.write(t.ref, "warn", note, "")
		}
	}
	cmd, ok := t.message(ctx, c, s)
	t.sent, t.answered, t.reported, t.fine = s, true, false, false
	t.given = ""
	if !ok {
		return answer{json: managed{Settings: &s}}, nil
	}
	t.given, t.givenAt = cmd.ID, c.now
	return answer{json: told(c, s, cmd), sent: func(err error) {
		if err != nil {
			d.cfg.Commands.PutBack(t.ref, cmd.ID)
		}
	}}, nil
}

// lead makes a device register that has a token which means nothing to us.
func (d *Door) lead(c *call) answer {
	d.notice(c, "A device with a session that is not known here is being led to a new registration.")
	s := rescue(c)
	return answer{json: managed{Settings: &s}}
}

// told is an answer with a message.
func told(c *call, s settings, cmd roost.Command) managed {
	m := managed{Settings: &s}
	if c.old0 {
		m.OldMsg, m.OldMid = json.RawMessage(cmd.Value), cmd.ID
		return m
	}
	m.Msg, m.Mid, m.Type = json.RawMessage(cmd.Value), cmd.ID, "APP"
	if cmd.Kind == roost.Shell {
		m.Type = "CMD"
	}
	return m
}

// message gives the message that goes with settings s, if one may: a device that
// restarts because of what it is told drops what came with it. The caller holds t.mu.
func (t *thing) message(ctx context.Context, c *call, s settings) (roost.Command, bool) {
	commands := t.d.cfg.Commands
	steady := t.answered && t.sent == s
	if left, ok := commands.Fetched(t.ref); ok {
		switch {
		case !t.asksAgain(left.ID, c.now):
			t.d.unanswered(ctx, left)
		case steady:
			return left, true
		default:
			commands.PutBack(t.ref, left.ID)
			return roost.Command{}, false
		}
	}
	if !steady || !t.at(c.run, s) {
		return roost.Command{}, false
	}
	for {
		cmd, ok := commands.Fetch(ctx, t.ref)
		if !ok || cmd.Kind != roost.Shell || !isOld(c.run.ID) {
			return cmd, ok
		}
		t.d.finish(ctx, gateway.Answer{
			Ref: t.ref, ID: cmd.ID, State: roost.Failed,
			Error: "The PythingsOS of this thing is older than 1.0 and knows no shell.",
		})
	}
}

// asksAgain tells that a device did not get the answer which brought it a message: it
// calls again at once, and has reported nothing since.
func (t *thing) asksAgain(id string, now time.Time) bool {
	return t.given == id && !t.reported && now.Sub(t.givenAt) <= retryWithin
}

// at tells that a device is where settings s want it, with its app running: it has
// reported since it was told so. It reports OK only if it need not change; when it
// reports a fault, that is one of the app's task if the versions are right. The report
// before the first call of its loop is made by the OS alone, but after that the app is
// loaded. A fault in the OS itself would show as other versions.
func (t *thing) at(run roost.Run, s settings) bool {
	if !t.reported || t.fine {
		return t.reported
	}
	return run.Version == s.App && (isFactory(s.OS) || run.Frozen || run.OS == s.OS)
}

// unanswered ends a message that its thing will not answer any more.
func (d *Door) unanswered(ctx context.Context, cmd roost.Command) {
	d.finish(ctx, gateway.Answer{
		Ref: cmd.Ref, ID: cmd.ID, State: roost.Failed,
		Error: "The thing came back without answering: it restarted, or its answer was lost.",
	})
}

func (d *Door) finish(ctx context.Context, a gateway.Answer) {
	if err := d.cfg.Core.Answer(ctx, a); err != nil {
		d.cfg.Log.Log(ctx, gateway.Fault(ctx), "end of a message lost", "thing", a.Ref.Thing, "protocol", doorName, "err", err)
	}
}
