package pyaiot

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
)

func TestT25UnannouncedClientsGetNothing(t *testing.T) {
	h := build(t, nil)
	quiet := h.dial("/ws", nil)
	quiet.Send(`{"type":"update","data":{"uid":"n1","endpoint":"led","payload":"1"}}`)
	gw, client := h.gateway(), h.client()
	gw.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	gw.Send(`{"type": "update", "uid": "n1", "endpoint": "led", "data": "1", "dst": "all"}`)
	client.Want(`{"type": "new", "uid": "n1", "dst": "all"}`, `{"type": "update", "uid": "n1", "endpoint": "led", "data": "1", "dst": "all"}`)
	quiet.Send("end")
	ctx, stop := roomtest.Soon()
	defer stop()
	if _, b, err := quiet.Conn.Read(ctx); err == nil {
		t.Errorf("got %s", b)
	}
}

func TestT26AnnouncedClientGetsWhatIsKnown(t *testing.T) {
	h := build(t, nil)
	gw, first := h.gateway(), h.client()
	known := []string{
		`{"type": "new", "uid": "n1", "dst": "all"}`,
		`{"type": "update", "uid": "n1", "endpoint": "led", "data": "0", "dst": "all"}`,
		`{"type": "update", "uid": "n1", "endpoint": "protocol", "data": "CoAP", "dst": "all"}`,
		`{"type": "update", "uid": "n1", "endpoint": "ip", "data": "fd00::11", "dst": "all"}`,
		`{"type": "new", "uid": "n2", "dst": "all"}`,
		`{"type": "update", "uid": "n2", "endpoint": "name", "data": "two", "dst": "all"}`,
		`{"type": "new", "uid": "n3", "dst": "all"}`,
		`{"type": "out", "uid": "n3"}`,
	}
	for _, m := range known {
		gw.Send(m)
	}
	first.Want(known...)
	ids := h.clientIDs()
	late := h.client()
	var id string
	for _, i := range h.clientIDs() {
		if i != ids[0] {
			id = i
		}
	}
	if len(id) != 36 || id[14] != '4' || strings.ToLower(id) != id {
		t.Errorf("client id %q", id)
	}
	want := func(i int) string { return strings.Replace(known[i], `"dst": "all"`, `"dst": "`+id+`"`, 1) }
	replay := []string{want(0), want(3), want(2), want(1), want(4), want(5)} // ip and protocol first
	late.Want(replay...)
	late.Send(`{"type":"new","data":"client"}`)
	late.Want(replay...) // again, as often as it asks
	h.fence(gw, first, late)
}

func TestThingsOfOtherDoorsAreReplayedWithTheirProtocol(t *testing.T) {
	h := build(t, nil)
	ref := h.foreign("m1")
	client := h.client()
	id := h.clientIDs()[0]
	client.Want(
		`{"type": "new", "uid": "m1", "dst": "`+id+`"}`,
		`{"type": "update", "uid": "m1", "endpoint": "protocol", "data": "MQTT-SN", "dst": "`+id+`"}`,
		`{"type": "update", "uid": "m1", "endpoint": "t", "data": 1.50, "dst": "`+id+`"}`,
	)
	if err := h.registry.Lose(ref); err != nil {
		t.Fatal(err)
	}
	client.Want(`{"type": "out", "uid": "m1"}`)
	h.foreignArrives("m1")
	client.Want(
		`{"type": "new", "uid": "m1", "dst": "all"}`,
		`{"type": "update", "uid": "m1", "endpoint": "t", "data": 1.50, "dst": "all"}`, // known before
	)
	ctx, stop := roomtest.Soon()
	defer stop()
	if err := h.board.Forget(ctx, ref); err != nil {
		t.Fatal(err)
	}
	client.Want(`{"type": "out", "uid": "m1"}`)
}

func TestT27CommandReachesItsGateway(t *testing.T) {
	h := build(t, nil)
	client, gw, other := h.client(), h.gateway(), h.gateway()
	gw.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	client.Want(`{"type": "new", "uid": "n1", "dst": "all"}`)
	client.Send(`{"type":"update","data":{"uid":"n1","endpoint":"led","payload":"1"}}`)
	var got struct {
		Type, Src string
		Data      map[string]string
	}
	text := gw.Next()
	if err := json.Unmarshal([]byte(text), &got); err != nil || got.Type != "update" || len(got.Src) != 36 ||
		len(got.Data) != 3 || got.Data["uid"] != "n1" || got.Data["endpoint"] != "led" || got.Data["payload"] != "1" {
		t.Errorf("%s, %v", text, err)
	}
	if want := `{"type": "update", "data": {"uid": "n1", "endpoint": "led", "payload": "1"}, "src": "` + got.Src + `"}`; text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	gw.Send(`{"type": "update", "uid": "n1", "endpoint": "led", "data": "1", "dst": "all"}`)
	client.Want(`{"type": "update", "uid": "n1", "endpoint": "led", "data": "1", "dst": "all"}`)
	other.Send("end") // it got nothing
	if got := other.WantClose(); got.Code != 1003 {
		t.Errorf("%v", got)
	}
	ctx, stop := roomtest.Soon()
	defer stop()
	roomtest.Eventually(t, "the command is done by the thing's word", func() bool {
		cs, err := h.commands.Of(ctx, roost.Ref{Project: roost.Home, Thing: "n1"}, 10)
		return err == nil && len(cs) == 1 && cs[0].State == roost.Done && cs[0].By == "pyaiot page"
	})
}

// TestT28 sends what kills a real gateway's ear: none of it may reach one.
func TestT28GatewaysGetOnlyWhatTheySurvive(t *testing.T) {
	h := build(t, nil)
	client, gw := h.client(), h.gateway()
	node := []string{
		`{"type": "new", "uid": "n1", "dst": "all"}`,
		`{"type": "update", "uid": "n1", "endpoint": "protocol", "data": "CoAP", "dst": "all"}`,
	}
	for _, m := range node {
		gw.Send(m)
	}
	client.Want(node...)
	command := func(endpoint, payload string) string {
		return fmt.Sprintf(`{"type":"update","data":{"uid":"n1","endpoint":%q,"payload":%s}}`, endpoint, payload)
	}
	for _, m := range []string{
		`{"type":"reset"}`, `{"type":"update"}`, `{"type":"update","data":null}`, `{"type":"update","data":5}`,
		`{"type":"update","data":"uid endpoint payload"}`, `{"type":"update","data":["uid","endpoint","payload"]}`,
		`{"type":"out"}`, `{"type":"out","uid":"n1"}`, `{"type":"reset","uid":"n1"}`, `{"type":"new"}`,
		command("e", `"é"`),
		`{"type":"update","data":{"uid":"n1","endpoint":"led","payload":"1","extra":1}}`,
		`{"type":"update","data":{"uid":"n1","endpoint":"led"}}`,
	} {
		client.Send(m)
	}
	client.Send(command("a", `5`))
	client.Send(command("b", `{"x": [1]}`))
	client.Send(command("c", `"1"`))
	got := []string{gw.Next(), gw.Next(), gw.Next()} // commands of different resources may overtake each other
	for _, want := range []string{`"endpoint": "a", "payload": "5"`, `"endpoint": "b", "payload": "{\"x\": [1]}"`, `"endpoint": "c", "payload": "1"`} {
		if !slices.ContainsFunc(got, func(m string) bool {
			return strings.HasPrefix(m, `{"type": "update", "data": {"uid": "n1", `+want+`}, "src": "`)
		}) {
			t.Errorf("no %s among %q", want, got)
		}
	}
	ctx, stop := roomtest.Soon()
	defer stop()
	roomtest.Eventually(t, "é failed with a reason", func() bool {
		cs, err := h.commands.Of(ctx, roost.Ref{Project: roost.Home, Thing: "n1"}, 10)
		for _, c := range cs {
			if c.Resource == "e" && c.State == roost.Failed && strings.Contains(c.Error, "ASCII") {
				return true
			}
		}
		return err != nil
	})
}

func TestNonASCIIReachesNodesThatTakeIt(t *testing.T) {
	h := build(t, nil)
	client, gw := h.client(), h.gateway()
	gw.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	gw.Send(`{"type": "update", "uid": "n1", "endpoint": "protocol", "data": "MQTT", "dst": "all"}`)
	client.Want(`{"type": "new", "uid": "n1", "dst": "all"}`, `{"type": "update", "uid": "n1", "endpoint": "protocol", "data": "MQTT", "dst": "all"}`)
	client.Send(`{"type":"update","data":{"uid":"n1","endpoint":"text","payload":"\u00e91"}}`)
	if got := gw.Next(); !strings.Contains(got, `"payload": "é1"`) {
		t.Errorf("got %s", got)
	}
}

func TestT31UnknownThingIsNobody(t *testing.T) {
	h := build(t, nil)
	client, gw := h.client(), h.gateway()
	client.Send(`{"type":"update","data":{"uid":"no-such-uid","endpoint":"led","payload":"1"}}`)
	h.fence(gw, client)
	gw.Send("end")
	if got := gw.WantClose(); got.Code != 1003 {
		t.Errorf("the gateway got something: %v", got)
	}
}

func TestRefreshAsksTheGatewayOnce(t *testing.T) {
	h := build(t, nil)
	client, gw := h.client(), h.gateway()
	for _, uid := range []string{"n1", "n2"} {
		gw.Send(`{"type": "new", "uid": "` + uid + `", "dst": "all"}`)
		client.Want(`{"type": "new", "uid": "` + uid + `", "dst": "all"}`)
	}
	ctx, stop := roomtest.Soon()
	defer stop()
	for _, uid := range []roost.ThingID{"n1", "n2"} {
		c := roost.Command{Ref: roost.Ref{Project: roost.Home, Thing: uid}, Kind: roost.Refresh}
		if err := h.board.Deliver(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	if got := gw.Next(); got != `{"type": "new", "data": "client", "src": "all"}` {
		t.Errorf("got %s", got)
	}
	client.Send(`{"type":"update","data":{"uid":"n2","endpoint":"led","payload":"1"}}`)
	if got := gw.Next(); !strings.Contains(got, `"payload": "1"`) {
		t.Errorf("got %s", got)
	}
}

func TestDeletedThingComesBackWithItsNextValue(t *testing.T) {
	h := build(t, nil)
	client, gw := h.client(), h.gateway()
	gw.Send(`{"type": "new", "uid": "n1", "dst": "all"}`)
	client.Want(`{"type": "new", "uid": "n1", "dst": "all"}`)
	ctx, stop := roomtest.Soon()
	defer stop()
	if err := h.board.Forget(ctx, roost.Ref{Project: roost.Home, Thing: "n1"}); err != nil {
		t.Fatal(err)
	}
	client.Want(`{"type": "out", "uid": "n1"}`)
	update := `{"type": "update", "uid": "n1", "endpoint": "led", "data": "1", "dst": "all"}`
	gw.Send(update)
	client.Want(`{"type": "new", "uid": "n1", "dst": "all"}`, update)
}
