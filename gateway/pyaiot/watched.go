package pyaiot

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/roost-iot/roost"
)

// watched is one thing of a broker elsewhere, and the Link to it. Its fields belong
// to the reading goroutine of its Watch but for facts.
type watched struct {
	w         *Watch
	uid       string
	ref       roost.Ref
	here      bool
	forgotten atomic.Bool // a person deleted the thing; it arrives again with its next value

	mu    sync.Mutex
	facts map[string]roost.Value // ip, id and protocol, as last told
}

// Send implements gateway.Link. Real gateways stop hearing for good on a payload
// that is no string, and on non-ASCII towards a CoAP node: neither is sent.
func (t *watched) Send(_ context.Context, c roost.Command) error {
	switch c.Kind {
	case roost.Refresh:
		return t.w.send(announceText)
	case roost.Set:
		payload := c.Value.AsText()
		if p := roost.Protocol(t.fact("protocol")); !ascii(payload) && (p == roost.CoAP || p == "") {
			return roost.Errorf(roost.Invalid, "Thing %q may hang on a Pyaiot CoAP gateway, which takes ASCII characters only.", c.Thing)
		}
		return t.w.send(commandText(t.uid, c.Resource, payload))
	}
	return roost.Errorf(roost.Invalid, "A Pyaiot broker has no %q.", c.Kind)
}

// Close implements gateway.Link: the thing was deleted here. The broker still has it.
func (t *watched) Close(string) { t.forgotten.Store(true) }

// learn keeps what a thing is. It tells whether that is news for its row.
func (t *watched) learn(name string, v roost.Value) bool {
	if name != "protocol" && name != "ip" && name != "id" || len(v) > maxWord {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.facts[name] == v {
		return false
	}
	t.facts[name] = v
	return name != "id"
}

// lasting are the facts as resources: a reset does not change them.
func (t *watched) lasting() (rs []roost.Resource) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range []string{"ip", "id", "protocol"} {
		if v, ok := t.facts[name]; ok {
			rs = append(rs, roost.Resource{Name: name, Value: v})
		}
	}
	return rs
}

func (t *watched) fact(name string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.facts[name].AsText()
}
