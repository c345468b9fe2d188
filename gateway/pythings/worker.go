package pythings

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pythings"
)

// messageBurst is how many seconds' worth of worker messages may come at once.
const messageBurst = 10

// maxName is the longest name of a resource in bytes.
const maxName = 256

// worker takes what a thing's worker task returned.
func (d *Door) worker(ctx context.Context, c *call) (answer, error) {
	if err := d.session(ctx, c); err != nil {
		return answer{}, err
	}
	q, err := d.readWorker(c)
	if err != nil {
		return answer{}, err
	}
	if !c.thing.mayWork(c.now) {
		return answer{}, roost.Errorf(roost.TooMany, "This thing sends too many messages; it may send %d a second.", d.cfg.MaxRate)
	}
	ref := c.thing.ref
	err = d.cfg.Telemetry.RecordMessage(ctx, roost.WorkerMessage{Ref: ref, App: d.appOf(c), At: q.At, Data: q.Msg})
	if err != nil {
		return answer{}, err
	}
	if values := scalars(q.Msg, q.At); len(values) > 0 {
		if err := d.cfg.Core.Report(ctx, ref, values); err != nil {
			// The message itself is kept; the device could do nothing about it.
			d.cfg.Log.Warn("readings lost", "thing", ref.Thing, "protocol", doorName, "err", err)
		}
	}
	return answer{}, nil
}

// readWorker reads a worker message and holds it against the bounds.
func (d *Door) readWorker(c *call) (wire.Worker, error) {
	q, err := c.req.Worker()
	switch {
	case err != nil:
		return q, err
	case !wire.True(q.Msg):
		return q, roost.Errorf(roost.Invalid, "msg missing or empty")
	}
	if size := wire.PythonLen(q.Msg); size > d.cfg.MaxMessage {
		return q, roost.Errorf(roost.Invalid, "A message has at most %d characters; this one has %d.", d.cfg.MaxMessage, size)
	}
	return q, nil
}

func (t *thing) mayWork(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.messages.take(now, messageBurst*t.d.cfg.MaxRate, time.Second/time.Duration(t.d.cfg.MaxRate))
}

// appOf gives the app that a thing has.
func (d *Door) appOf(c *call) roost.AppID {
	if s, ok := d.cfg.Releases.Software(c.thing.ref); ok {
		return s.App
	}
	return c.run.App
}

// scalars gives the numbers, truth values and texts of an object, in its order, as
// values of resources.
func scalars(v roost.Value, at time.Time) []roost.Resource {
	if v[0] != '{' {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(v)))
	if _, err := dec.Token(); err != nil {
		return nil
	}
	var values []roost.Resource
	for dec.More() {
		name, err := dec.Token()
		var raw json.RawMessage
		if err != nil || dec.Decode(&raw) != nil {
			return values
		}
		if key, ok := name.(string); ok && key != "" && len(key) <= maxName && scalar(raw) {
			values = append(values, roost.Resource{Name: key, Value: roost.Value(raw), At: at})
		}
	}
	return values
}

func scalar(raw json.RawMessage) bool {
	return raw[0] != '{' && raw[0] != '[' && raw[0] != 'n'
}
