package pyaiot

import (
	"strings"
	"testing"
)

func TestT10NewAndUpdateReachAnAnnouncedClient(t *testing.T) {
	h := build(t, nil)
	client, gw := h.client(), h.gateway()
	messages := []string{
		`{"type": "new", "uid": "ABCDEF012345678", "dst": "all"}`,
		`{"type": "update", "uid": "ABCDEF012345678", "endpoint": "temperature", "data": "24.1°C", "dst": "all"}`,
	}
	for _, m := range messages {
		gw.send(m)
	}
	client.want(messages...)
}

func TestT11UpdateForOneClient(t *testing.T) {
	h := build(t, nil)
	one := h.client()
	id := h.clientIDs()[0]
	two, gw := h.client(), h.gateway()
	gw.send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	direct := strings.ReplaceAll(`{"type": "update", "uid": "n1", "endpoint": "led", "data": "0", "dst": "ID"}`, "ID", id)
	gw.send(direct)
	one.want(`{"type": "new", "uid": "n1", "dst": "all"}`, direct)
	two.want(`{"type": "new", "uid": "n1", "dst": "all"}`)
	h.fence(gw, one, two)
}
