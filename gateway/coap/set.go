package coap

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

// set writes a resource: PUT, and POST for a node that knows no PUT. Any 2.xx is
// the node's word that it is done; after a 2.04 the value asked for is reported as
// the resource's own, as Pyaiot does; as text, which is all that a node was sent.
func (n *node) set(ctx context.Context, c roost.Command) error {
	if !goodName(resourceOf(c.Resource)) {
		return roost.Errorf(roost.Invalid, "A CoAP node cannot have a resource of that name.")
	}
	defer n.setting(resourceOf(c.Resource), c.Value)()
	body := []byte(c.Value.AsText())
	a, err := n.ask(ctx, request(coap.PUT, c.Resource, body))
	if err == nil && a.Code == coap.MethodNotAllowed {
		a, err = n.ask(ctx, request(coap.POST, c.Resource, body))
	}
	if err != nil {
		return n.why(err)
	}
	if !a.Code.IsSuccess() {
		return answered(a)
	}
	n.touch()
	err = n.door.core.Answer(ctx, gateway.Answer{Ref: c.Ref, ID: c.ID, State: roost.Done, Value: said(a)})
	if a.Code == coap.Changed && len(body) <= n.door.cfg.MaxValue {
		_ = n.report(n.door.ctx, resourceOf(c.Resource), roost.Text(string(body)), true)
	}
	return err
}

// said is what a node answered in words, "" if nothing that can be shown.
func said(a exchange.Response) roost.Value {
	if len(a.Payload) == 0 || !utf8.Valid(a.Payload) {
		return ""
	}
	return roost.Text(string(a.Payload))
}

// resourceOf is the name that discovery gives to what was written to.
func resourceOf(name string) string {
	if trimmed := strings.TrimLeft(name, "/"); trimmed != "" {
		return trimmed
	}
	return "/"
}
