package pyaiot

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
)

// pass is a visitor's right, which the test changes.
type pass struct{ role atomic.Value }

func (p *pass) visitor(context.Context) (Visitor, error) {
	switch p.role.Load() {
	case "operator":
		return Visitor{By: "ada", Command: true}, nil
	case "viewer":
		return Visitor{By: "ada"}, nil
	}
	return Visitor{}, roost.Errorf(roost.Unauthorized, "You are signed out; sign in again.")
}

func (p *pass) admit(*http.Request) (Visitor, error) {
	v, err := p.visitor(context.Background())
	v.Again = p.visitor
	return v, err
}

func TestClientThatWasSignedOutIsCutOff(t *testing.T) {
	ada := &pass{}
	ada.role.Store("operator")
	h := build(t, func(c *Config) {
		c.Clients, c.Authenticate, c.Recheck = ClientsToken, ada.admit, 5*time.Millisecond
	})
	client := h.client()
	ada.role.Store("nobody")
	if got := client.WantClose(); got.Code != codeSignedOut {
		t.Errorf("closed with %v", got)
	}
}

func TestClientThatMayNoLongerCommandDoesNot(t *testing.T) {
	ada := &pass{}
	ada.role.Store("operator")
	h := build(t, func(c *Config) { c.Clients, c.Authenticate = ClientsToken, ada.admit })
	client, gw := h.client(), h.gateway()
	gw.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	client.Want(`{"type": "new", "uid": "n1", "dst": "all"}`)
	led := `{"type":"update","data":{"uid":"n1","endpoint":"led","payload":"1"}}`
	client.Send(led)
	gw.Next()
	ada.role.Store("viewer")
	client.Send(led)
	client.Send(`{"type":"new","data":"client"}`) // is answered when the command has been looked at
	client.Next()
	ctx, stop := roomtest.Soon()
	defer stop()
	cs, err := h.commands.Of(ctx, roost.Ref{Project: roost.Home, Thing: "n1"}, 10)
	if err != nil || len(cs) != 1 || cs[0].By != "ada" {
		t.Errorf("commands %+v, %v", cs, err)
	}
}
