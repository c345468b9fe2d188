package coap_test

import (
	"strings"
	"testing"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway/exchange"
	wire "github.com/roost-iot/roost/wire/coap"
)

// puts records what a node is sent and answers it.
func (b *board) puts(path string, code wire.Code, payload string) <-chan exchange.Request {
	got := make(chan exchange.Request, 8)
	b.on(path, func(r *exchange.Request) exchange.Response {
		if r.Code == wire.GET {
			return exchange.Text(wire.Content, "0")
		}
		got <- r.Clone()
		return exchange.Text(code, payload)
	})
	return got
}

func TestT45SetIsAPutAndItsValueIsReportedAfter204(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.3.1").has("</led>")
	got := b.puts("/led", wire.Changed, "Updated")
	b.says("alive:n1")
	h.until(t, "n1 led=0")
	c := h.set(t, "n1", "led", "1")
	r := <-got
	if r.Type != wire.Confirmable || r.Code != wire.PUT || r.Options.Path() != "/led" || string(r.Payload) != "1" {
		t.Errorf("the node got %v %v %s %q", r.Type, r.Code, r.Options.Path(), r.Payload)
	}
	if len(r.Options) != 1 {
		t.Errorf("options besides Uri-Path: %v", r.Options)
	}
	if c.State != roost.Done || c.Result.AsText() != "Updated" {
		t.Errorf("command is %s, result %s, error %q", c.State, c.Result, c.Error)
	}
	h.want(t, "n1 led=1")
	if !h.resource(t, "n1", "led").Writable {
		t.Error("led is not writable")
	}
}

func TestT45RefusedSetChangesNothing(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.3.2").has("</led>")
	b.puts("/led", wire.BadRequest, "only\x00 0 or\n1")
	b.says("alive:n1")
	h.until(t, "n1 led=0")
	c := h.set(t, "n1", "led", `"7"`)
	if c.State != roost.Failed || c.Error != "The thing answered 4.00 Bad Request: only 0 or 1" {
		t.Errorf("command is %s: %q", c.State, c.Error)
	}
	if c = h.set(t, "n1", strings.Repeat("x", 300), `"7"`); c.State != roost.Failed || !strings.Contains(c.Error, "of that name") {
		t.Errorf("command is %s: %q", c.State, c.Error)
	}
	c = h.set(t, "n1", "nothing", `"7"`)
	if c.State != roost.Failed || c.Error != "The thing answered 4.04 Not Found." {
		t.Errorf("command is %s: %q", c.State, c.Error)
	}
	b.pushes("end:1")
	h.want(t, "n1 end=1")
}

func TestSetAnswered205IsDoneButNotReported(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.3.3").has("</robot>")
	b.puts("/robot", wire.Content, "Updated")
	b.says("alive:n1")
	h.until(t, "n1 robot=0")
	if c := h.set(t, "n1", "robot", `"w"`); c.State != roost.Done {
		t.Errorf("command is %s: %q", c.State, c.Error)
	}
	b.pushes("end:1")
	h.want(t, "n1 end=1")
}

func TestWritableIsLearntFromA204(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.3.4").has(`</setpoint>,</valve>;if="core.a"`, "/valve", "0")
	b.puts("/setpoint", wire.Changed, "")
	b.says("alive:n1")
	h.until(t, "n1 valve=0")
	if !h.resource(t, "n1", "valve").Writable || h.resource(t, "n1", "setpoint").Writable {
		t.Error("valve is to be writable, the setpoint not yet")
	}
	h.set(t, "n1", "/setpoint", `"21"`) // no empty path segment
	h.want(t, "n1 setpoint=21")
	if !h.resource(t, "n1", "setpoint").Writable {
		t.Error("setpoint is not writable after a 2.04")
	}
}

func TestNodeWithoutPUTIsSentAPOST(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.3.5").has("")
	b.on("/led", func(r *exchange.Request) exchange.Response {
		if r.Code == wire.POST {
			return exchange.Response{Code: wire.Changed}
		}
		return exchange.Response{Code: wire.MethodNotAllowed}
	})
	b.says("alive:n1")
	h.until(t, "n1 protocol=CoAP")
	if c := h.set(t, "n1", "led", `"1"`); c.State != roost.Done {
		t.Errorf("command is %s: %q", c.State, c.Error)
	}
	h.want(t, "n1 led=1")
}

func TestT51LongValueIsWrittenInBlocks(t *testing.T) {
	h := open(t)
	b := h.board(t, "127.0.3.6").has("")
	got := b.puts("/js", wire.Changed, "")
	b.says("alive:n1")
	h.until(t, "n1 protocol=CoAP")
	script := strings.Repeat("blink(1); ", 300)
	if c := h.set(t, "n1", "js", roost.Text(script)); c.State != roost.Done {
		t.Fatalf("command is %s: %q", c.State, c.Error)
	}
	r := <-got
	last, blockwise, _ := r.Options.Block(wire.Block1)
	if string(r.Payload) != script || !blockwise || last.Size() != 64 || last.Num != 46 {
		t.Errorf("%d bytes came, last block %+v", len(r.Payload), last)
	}
	h.want(t, "n1 js="+script)
}

func TestT48SilentNodeHoldsNobodyUp(t *testing.T) {
	h := open(t)
	taken(t, post(t, h, "127.0.3.7:0", "/alive", "alive:dead"), "alive:dead")
	h.want(t, introduced("dead", "127.0.3.7")...)
	lost := h.submit(t, command.Request{Ref: ref("dead"), Resource: "led", Value: "1", By: "test"})
	b := h.board(t, "127.0.3.8").has("</led>")
	b.puts("/led", wire.Changed, "")
	b.says("alive:n1")
	h.want(t, introduced("n1", b.host)...)
	h.want(t, "n1 led=0")
	if c := h.set(t, "n1", "led", `"1"`); c.State != roost.Done {
		t.Errorf("command is %s: %q", c.State, c.Error)
	}
	h.want(t, "n1 led=1")
	if c := h.ended(t, lost); c.State != roost.Failed || c.Error != "The thing did not answer." {
		t.Errorf("command to the silent node is %s: %q", c.State, c.Error)
	}
	eventually(t, "discovery ends", func() bool { return h.door.Stats().Discoveries == 0 })
	if _, rs, _ := h.Registry.Get(ref("dead")); len(rs) != 2 {
		t.Errorf("the silent node has %v", rs)
	}
}

func TestCommandsToAnUnknownThing(t *testing.T) {
	h := open(t)
	if c := h.set(t, "nobody", "led", "1"); c.State != roost.Failed {
		t.Errorf("command is %s", c.State)
	}
}
