package pythings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	wire "github.com/roost-iot/roost/wire/pythings"
)

// maxStatus bounds what is kept of a status, in bytes.
const maxStatus = 8 << 10

// report takes how a part of a thing is doing, and its answer to a message.
func (d *Door) report(ctx context.Context, c *call) (answer, error) {
	q, err := d.openReport(ctx, c)
	if errors.Is(err, errLost) {
		return answer{}, nil // or the restart that it was led to comes later
	}
	if err != nil {
		return answer{}, err
	}
	part := roost.Part(strings.ToLower(q.What))
	switch {
	case q.What == "" || q.Status == "":
		return answer{}, roost.Errorf(roost.Unauthorized, "what or status missing")
	case part != roost.PartOS && part != roost.PartWorker && part != roost.PartManagement:
		return answer{}, roost.Errorf(roost.Invalid, "There is no status of %.40q.", q.What)
	}
	ok, text := strings.EqualFold(q.Status, "OK"), textOf(q.Msg)
	mid, reply, isReply := q.Reply()
	if c.old0 && !isReply {
		mid, reply, isReply = oldReply(q.Msg)
	}
	if part == roost.PartManagement {
		c.thing.managed(c.run.ID, ok)
	}
	if part == roost.PartManagement && isReply {
		text = ""
		d.replied(ctx, c, ok, mid, reply)
	}
	if d.cfg.Releases.Report(c.thing.ref, part, ok, text, c.now) {
		if err := d.cfg.Releases.Keep(ctx, c.thing.ref); err != nil { // tried again; the device could do nothing about it
			d.cfg.Log.Log(ctx, gateway.Fault(ctx), "status not stored", "thing", string(c.thing.ref.Thing), "protocol", doorName, "err", err)
		}
	}
	d.tell(c, part, ok, text)
	return answer{}, nil
}

// openReport reads a report and finds its session. A device that fails before it is
// registered has none.
func (d *Door) openReport(ctx context.Context, c *call) (q wire.Report, err error) {
	if c.req.Token == "" {
		if q, err = c.req.Report(); err == nil && q.What == string(roost.PartOS) && q.Msg != "" {
			d.notice(c, "A device failed before it was registered: "+firstOf(textOf(q.Msg)))
		}
		return q, roost.Errorf(roost.Unauthorized, "token missing")
	}
	if err := d.session(ctx, c); err != nil {
		return q, err
	}
	return c.req.Report()
}

// managed takes the report of a management run.
func (t *thing) managed(run string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begin(run)
	t.reported, t.fine = true, ok
}

// replied ends a message by the thing's own word. One that is not its own, or has ended
// meanwhile, is nothing to it.
func (d *Door) replied(ctx context.Context, c *call, ok bool, mid string, reply roost.Value) {
	a := gateway.Answer{Ref: c.thing.ref, ID: mid, State: roost.Done, Value: reply}
	fault, raised := d.raised(c, mid)
	switch {
	case !ok:
		a.State, a.Error = roost.Failed, "The thing reports a fault."
	case reply == "null" && raised:
		a.State, a.Error = roost.Failed, "Its management task failed: "+fault
	case reply == "null":
		a.Value = ""
	}
	d.finish(ctx, a)
}

// raised tells that the management task raised an exception over a message, and which.
// A device reports the fault first, and then that all is well, with no reply. That is
// read from what is kept, so that a restart of ours between the two loses nothing.
func (d *Door) raised(c *call, mid string) (fault string, ok bool) {
	before := c.run.Statuses[roost.PartManagement]
	given, waits := d.cfg.Commands.Fetched(c.thing.ref)
	if !before.Known || before.OK || !waits || given.ID != mid || given.Kind != roost.Tell {
		return "", false
	}
	if before.ErrorAt.Before(given.Sent.Truncate(time.Millisecond)) { // kept in whole ms
		return "", false
	}
	return firstOf(before.Error), true
}

// oldReply reads the reply of a device of generation 0, which has other names.
func oldReply(v roost.Value) (mid string, reply roost.Value, ok bool) {
	var m struct {
		Mid string      `json:"app_data_id"`
		Rep roost.Value `json:"app_data_rep"`
	}
	if json.Unmarshal([]byte(v), &m) != nil || m.Mid == "" {
		return "", "", false
	}
	return m.Mid, m.Rep, true
}

// tell writes into the thing's log what people want to know; that all is well is told
// by the status.
func (d *Door) tell(c *call, part roost.Part, ok bool, text string) {
	switch {
	case !ok:
		title, detail := splitFault(text)
		d.write(c.thing.ref, "error", fmt.Sprintf("%s KO: %s", part, title), detail)
	case part == roost.PartOS && text != "":
		d.write(c.thing.ref, "info", restart(text), "")
	}
}

// restart says in our words why a device restarts, as far as they are known.
func restart(text string) string {
	switch text {
	case "Resetting due to Settings update":
		return "restarts: it has new settings"
	case "Resetting due to App update":
		return "restarts: it has a new version of its app"
	case "Resetting due to Pythings update":
		return "restarts: it has a new version of its OS"
	}
	return text
}

// splitFault takes "ValueError boom (Traceback …)" apart.
func splitFault(text string) (title, detail string) {
	title, detail, found := strings.Cut(text, " (Traceback")
	if !found {
		title, detail, found = strings.Cut(text, "\n")
		if !found {
			return text, ""
		}
		return title, detail
	}
	return title, strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace("Traceback"+detail), ")"))
}

func firstOf(text string) string {
	title, _ := splitFault(text)
	if len(title) > 200 {
		title = strings.ToValidUTF8(title[:200], "")
	}
	return title
}

// textOf gives what a report says: a text as it is, null as nothing, other JSON as JSON.
func textOf(v roost.Value) string {
	if v == "null" {
		return ""
	}
	text := strings.ToValidUTF8(v.AsText(), "\uFFFD")
	if len(text) > maxStatus {
		text = strings.ToValidUTF8(text[:maxStatus], "")
	}
	return text
}
