package coap_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/exchange"
	wire "github.com/roost-iot/roost/wire/coap"
)

const uid = "ABCDEF012345678"

func TestT35NewNodeIsAnnouncedAndAskedAtTheNodePort(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.1.1").has("</led>", "/led", "0")
	r := exchange.Post("/alive", []byte("reset:"+uid))
	r.Type = wire.NonConfirmable
	a := ask(t, h, "127.0.1.1:0", r)
	if a.Code.Class() != 2 {
		t.Fatalf("answered %v", a.Code)
	}
	h.want(t, uid+" online", uid+" ip=::ffff:127.0.1.1", uid+" protocol=CoAP", uid+" led=0")
	if got := b.requests(); !slices.Equal(got, []string{"GET /.well-known/core", "GET /led"}) {
		t.Errorf("asked %q", got)
	}
	thing, _, _ := h.Registry.Get(ref(uid))
	if thing.Protocol != roost.CoAP || thing.Identity != (roost.Identity{Door: "coap", Own: uid}) {
		t.Errorf("thing is %+v", thing)
	}
}

func TestT37LaterAliveIsOnlyASignOfLife(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.1.2").has("</led>", "/led", "0")
	b.on("/led", func(r *exchange.Request) exchange.Response {
		if r.Code == wire.PUT {
			return exchange.Response{Code: wire.Changed}
		}
		return exchange.Text(wire.Content, "0")
	})
	b.says("alive:n1")
	h.until(t, "n1 led=0")
	b.requests()
	before, _, _ := h.Registry.Get(ref("n1"))
	for range 3 {
		b.says("alive:n1")
	}
	h.set(t, "n1", "led", `"1"`) // one request at a time: had there been a GET, it would be first
	h.want(t, "n1 led=1")
	if got := b.requests(); !slices.Equal(got, []string{"PUT /led"}) {
		t.Errorf("asked %q", got)
	}
	if after, _, _ := h.Registry.Get(ref("n1")); !after.LastHeard.After(before.LastHeard) {
		t.Error("the alive was no sign of life")
	}
}

func TestT38ResetForgetsAndStartsOver(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.1.3").has("</led>", "/led", "0")
	b.says("alive:n1")
	h.until(t, "n1 led=0")
	b.says("reset:n1")
	h.want(t, "n1 reset", "n1 ip=::ffff:127.0.1.3", "n1 protocol=CoAP", "n1 led=0")
}

func TestT39OldFirmwareIsOneNodeWithAStableID(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.1.4").has("</led>", "/led", "0")
	const id = "coap-127.0.1.4"
	b.says("Alive")
	h.want(t, id+" online", id+" ip=::ffff:127.0.1.4", id+" protocol=CoAP", id+" led=0")
	b.says("reset")
	h.want(t, id+" reset", id+" ip=::ffff:127.0.1.4", id+" protocol=CoAP", id+" led=0")
	b.says("Alive")
	b.pushes("led:1")
	h.want(t, id+" led=1")
	if c := h.Registry.Count(roost.Home); c.Total != 1 {
		t.Errorf("%d things", c.Total)
	}
}

func TestT40OldFirmwaresAtTwoAddressesAreTwoNodes(t *testing.T) {
	h := open(t)
	h.board(t, "127.0.1.5").has("").says("Alive")
	h.until(t, "coap-127.0.1.5 protocol=CoAP")
	h.board(t, "127.0.1.6").has("").says("Alive")
	h.until(t, "coap-127.0.1.6 protocol=CoAP")
}

func TestT41CapitalAliveWithUID(t *testing.T) {
	h := open(t)
	h.board(t, "127.0.0.1").has("").says("Alive:1234")
	h.want(t, "1234 online", "1234 ip=::ffff:127.0.0.1", "1234 protocol=CoAP")
}

func TestBareResetIsMeantByTheNodeAtTheAddress(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.1.7").has("")
	b.says("Alive:1234")
	h.until(t, "1234 protocol=CoAP")
	b.says("reset")
	h.want(t, "1234 reset", "1234 ip=::ffff:127.0.1.7", "1234 protocol=CoAP")
}

func TestGreetingsThatAreNone(t *testing.T) {
	h := open(t)
	for payload, want := range map[string]string{
		"":                                  "Say alive:ID or reset:ID.",
		"hello:1":                           "Say alive:ID or reset:ID.",
		"alive:":                            "empty",
		"reset:  ":                          "empty",
		"alive:a\nb":                        "plain text",
		"alive:\x01":                        "plain text",
		"alive:\xff\xfe":                    "plain text",
		"alive:" + strings.Repeat("x", 200): "128 bytes",
	} {
		a := post(t, h, "127.0.1.8:0", "/alive", payload)
		if a.Code != wire.BadRequest || !strings.Contains(string(a.Payload), want) {
			t.Errorf("%q was answered %v %q", payload, a.Code, a.Payload)
		}
	}
	if c := h.Registry.Count(roost.Home); c.Total != 0 {
		t.Errorf("%d things", c.Total)
	}
}

func TestT49OtherMethodsAndPaths(t *testing.T) {
	h := open(t)
	for _, c := range []struct {
		r    *exchange.Request
		code wire.Code
		text string
	}{
		{exchange.Get("/alive"), wire.MethodNotAllowed, "Error: Method not allowed!"},
		{exchange.Put("/server", []byte("a:1")), wire.MethodNotAllowed, "Error: Method not allowed!"},
		{exchange.Delete("/alive"), wire.MethodNotAllowed, "Error: Method not allowed!"},
		{exchange.Post("/foo", nil), wire.NotFound, ""},
		{exchange.Post("/alive/x", nil), wire.NotFound, ""},
		{exchange.Get("/"), wire.NotFound, ""},
		{exchange.Get("/.well-known/core"), wire.NotFound, ""},
	} {
		if a := ask(t, h, "127.0.1.9:0", c.r); a.Code != c.code || string(a.Payload) != c.text {
			t.Errorf("%v %s was answered %v %q", c.r.Code, c.r.Options.Path(), a.Code, a.Payload)
		}
	}
}

func TestT42PushedValueIsTheTextAfterTheFirstColon(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.1.10").has("")
	b.says("alive:n1")
	h.until(t, "n1 protocol=CoAP")
	b.pushes(`imu:[{"type":"acc","values":[1,2,3]}]`)
	b.pushes("temperature:24.1°C")
	b.pushes("empty:")
	b.pushes("led:1")
	h.want(t, `n1 imu=[{"type":"acc","values":[1,2,3]}]`, "n1 temperature=24.1°C", "n1 empty=", "n1 led=1")
	if !h.resource(t, "n1", "led").Writable || h.resource(t, "n1", "temperature").Writable {
		t.Error("led is to be writable, temperature is not")
	}
}

func TestT43ValuesOfNobodyAndBadValues(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.1.11").has("")
	b.says("alive:n1")
	h.until(t, "n1 protocol=CoAP")
	taken(t, post(t, h, "127.0.1.12:0", "/server", "temperature:1"), "temperature:1")
	for payload, code := range map[string]wire.Code{
		"temperature":                      wire.BadRequest,
		"":                                 wire.BadRequest,
		":5":                               wire.BadRequest,
		"a\x00b:5":                         wire.BadRequest,
		"temperature:\xff":                 wire.BadRequest,
		strings.Repeat("n", 200) + ":1":    wire.BadRequest,
		"big:" + strings.Repeat("1", 8193): wire.RequestEntityTooLarge,
	} {
		a := b.post("/server", payload)
		if a.Code != code || len(a.Payload) == 0 {
			t.Errorf("%.20q was answered %v %q", payload, a.Code, a.Payload)
		}
	}
	b.pushes("still:there")
	h.want(t, "n1 still=there")
}

func TestValuesRightBehindTheFirstAliveAreKept(t *testing.T) {
	h := open(t)
	h.board(t, "127.0.1.13").has("")
	// Datagrams, one behind the other, without waiting for answers.
	conn := listen(t, "127.0.1.13:0")
	defer conn.Close()
	for i, m := range []string{"/alive reset:n1", "/alive alive:n1", "/server a:1", "/server b:2", "/server a:3"} {
		path, payload, _ := strings.Cut(m, " ")
		msg := wire.Message{Type: wire.NonConfirmable, Code: wire.POST, ID: uint16(i), Token: wire.Token16(uint16(i)), Payload: []byte(payload)}
		msg.Options.SetPath(path)
		if _, err := conn.WriteToUDPAddrPort(msg.Append(nil), h.at); err != nil {
			t.Fatal(err)
		}
	}
	h.want(t, "n1 online", "n1 ip=::ffff:127.0.1.13", "n1 protocol=CoAP", "n1 a=1", "n1 b=2", "n1 a=3")
}
