package exchange_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

// text is n bytes no two blocks of which are alike.
func text(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%d,", i)
	}
	return b.String()[:n]
}

func part(id uint16, num uint32, more bool, szx uint8, payload string) coap.Message {
	m := request(coap.PUT, id, "/js", payload)
	m.Options.SetBlock(coap.Block1, coap.Block{Num: num, More: more, SZX: szx})
	return m
}

func block(t testing.TB, m coap.Message, n coap.OptionNumber) coap.Block {
	t.Helper()
	b, ok, err := m.Options.Block(n)
	if !ok || err != nil {
		t.Errorf("%v: %v %v %v", &m, n, ok, err)
	}
	return b
}

// T51: a payload of 3,000 bytes is written block-wise.
func TestLongPayloadIsWrittenInBlocks(t *testing.T) {
	client, addr := start(t, exchange.Config{})
	p := newPeer(t, addr)
	body := text(3000)
	done := asking(t, client, p.addr(), exchange.Put("/js", []byte(body)))
	var got []byte
	for {
		m := p.read()
		b := block(t, m, coap.Block1)
		if b.Offset() != len(got) || b.Size() != 64 || len(m.Append(nil)) > 128 {
			t.Fatalf("block %+v after %d bytes, message of %d", b, len(got), len(m.Append(nil)))
		}
		if size, ok := m.Options.Uint(coap.Size1); ok != (b.Num == 0) || ok && size != 3000 {
			t.Errorf("block %d: Size1 %d %v", b.Num, size, ok)
		}
		got = append(got, m.Payload...)
		a := coap.Message{Type: coap.Acknowledgement, Code: coap.Changed, ID: m.ID, Token: m.Token}
		if b.More {
			a.Code = coap.Continue
		}
		a.Options.SetBlock(coap.Block1, b)
		p.send(a)
		if !b.More {
			break
		}
	}
	(<-done).want(t, coap.Changed, "")
	if string(got) != body {
		t.Errorf("%d bytes arrived: %q", len(got), got)
	}
}

func TestNodeAsksForSmallerBlocks(t *testing.T) {
	for name, code := range map[string]coap.Code{"by 4.13": coap.RequestEntityTooLarge, "by 2.31": coap.Continue} {
		t.Run(name, func(t *testing.T) {
			client, addr := start(t, exchange.Config{})
			p := newPeer(t, addr)
			body := text(100)
			done := asking(t, client, p.addr(), exchange.Put("/js", []byte(body)))
			m := p.read()
			a := coap.Message{Type: coap.Acknowledgement, Code: code, ID: m.ID, Token: m.Token}
			a.Options.SetBlock(coap.Block1, coap.Block{More: true, SZX: 1})
			var got []byte
			if code == coap.Continue {
				got = append(got, m.Payload...)
			}
			for more := true; more; {
				p.send(a)
				m = p.read()
				b := block(t, m, coap.Block1)
				if b.Size() != 32 || b.Offset() != len(got) {
					t.Fatalf("%+v after %d bytes", b, len(got))
				}
				got, more = append(got, m.Payload...), b.More
				a.Code, a.ID, a.Token = coap.Continue, m.ID, m.Token
				a.Options.SetBlock(coap.Block1, b)
			}
			a.Code = coap.Changed
			p.send(a)
			(<-done).want(t, coap.Changed, "")
			if string(got) != body {
				t.Errorf("%q", got)
			}
		})
	}
}

// A node that does not know Block1 and takes the first part for the whole has
// not been written to.
func TestPartTakenForTheWholeIsNoSuccess(t *testing.T) {
	client, addr := start(t, exchange.Config{})
	p := newPeer(t, addr)
	done := asking(t, client, p.addr(), exchange.Put("/js", []byte(text(100))))
	m := p.read()
	p.send(coap.Message{Type: coap.Acknowledgement, Code: coap.Changed, ID: m.ID, Token: m.Token})
	wantError(t, (<-done).err, exchange.ErrBlock)
}

func TestRefusedBlockEndsTheWrite(t *testing.T) {
	client, addr := start(t, exchange.Config{})
	p := newPeer(t, addr)
	done := asking(t, client, p.addr(), exchange.Put("/js", []byte(text(100))))
	m := p.read()
	p.send(coap.Message{Type: coap.Acknowledgement, Code: coap.BadOption, ID: m.ID, Token: m.Token})
	(<-done).want(t, coap.BadOption, "")
}

func TestBodiesBothWays(t *testing.T) {
	_, server := start(t, exchange.Config{ResponseBlockSize: 256, Handler: func(_ context.Context, r *exchange.Request) exchange.Response {
		return exchange.Response{Code: coap.Changed, Payload: bytes.Clone(r.Payload)}
	}})
	for _, n := range []int{0, 1, 63, 64, 65, 128, 255, 256, 257, 512, 3000, 65536} {
		client, _ := start(t, exchange.Config{BlockSize: 1024})
		a, err := client.Do(within(t), server, exchange.Post("/x", []byte(text(n))))
		if err != nil || string(a.Payload) != text(n) || a.Options.Has(coap.Block2) {
			t.Errorf("%d bytes: %d came back, %v, %v", n, len(a.Payload), a.Code, err)
		}
	}
}

func TestBodyAboveTheBound(t *testing.T) {
	_, server := start(t, exchange.Config{Handler: echo, MaxBody: 4096, ResponseBlockSize: 64})
	client, _ := start(t, exchange.Config{BlockSize: 1024, MaxBody: 1000})
	a, err := client.Do(within(t), server, exchange.Put("/x", []byte(text(65536))))
	answer{a, err}.want(t, coap.RequestEntityTooLarge, "")
	if v, _ := a.Options.Uint(coap.Size1); v != 4096 {
		t.Errorf("Size1 %d", v)
	}
	_, err = client.Do(within(t), server, exchange.Put("/x", []byte(text(1500))))
	wantError(t, err, exchange.ErrTooLarge)

	p := newPeer(t, server) // one that does not say beforehand
	for num := range uint32(4) {
		expect(t, p.ask(part(uint16(num), num, true, 6, text(1024))), coap.Acknowledgement, coap.Continue, uint16(num), "")
	}
	got := p.ask(part(9, 4, true, 6, text(1024)))
	expect(t, got, coap.Acknowledgement, coap.RequestEntityTooLarge, 9, "")
}

func TestUploadBlockByBlock(t *testing.T) {
	_, server := start(t, exchange.Config{Handler: echo})
	p := newPeer(t, server)
	x, y, z := text(16), strings.Repeat("y", 16), "end"
	if b := block(t, p.ask(part(1, 0, true, 0, x)), coap.Block1); b != (coap.Block{More: true}) {
		t.Errorf("%+v", b)
	}
	p.ask(part(2, 1, true, 0, y))
	expect(t, p.ask(part(3, 1, true, 0, y)), coap.Acknowledgement, coap.Continue, 3, "") // once more
	got := p.ask(part(4, 2, false, 0, z))
	expect(t, got, coap.Acknowledgement, coap.Content, 4, "PUT /js "+x+y+z)
	if b := block(t, got, coap.Block1); b != (coap.Block{Num: 2}) {
		t.Errorf("%+v", b)
	}
	for name, m := range map[string]coap.Message{
		"4.08 no first block":    part(10, 2, false, 0, z),
		"4.00 a block cut short": part(11, 0, true, 0, "short"),
		"4.00 a block too long":  part(12, 0, true, 0, text(17)),
	} {
		if a := p.ask(m); !strings.HasPrefix(name, a.Code.String()[:4]) {
			t.Errorf("%s: %v", name, a.Code)
		}
	}
	p.ask(part(20, 0, true, 0, x))
	if a := p.ask(part(21, 2, false, 0, z)); a.Code != coap.RequestEntityIncomplete {
		t.Errorf("a hole: %v", a.Code)
	}
	bad := request(coap.PUT, 30, "/js", "x")
	bad.Options.SetUint(coap.Block1, 7)
	if a := p.ask(bad); a.Code != coap.BadRequest {
		t.Errorf("size exponent 7: %v", a.Code)
	}
}

func TestUploadsDoNotMix(t *testing.T) {
	_, server := start(t, exchange.Config{Handler: echo})
	p, o := newPeer(t, server), newPeer(t, server)
	p.ask(part(1, 0, true, 0, strings.Repeat("p", 16)))
	o.ask(part(1, 0, true, 0, strings.Repeat("o", 16)))
	expect(t, p.ask(part(2, 1, false, 0, "P")), coap.Acknowledgement, coap.Content, 2, "PUT /js ppppppppppppppppP")
	expect(t, o.ask(part(2, 1, false, 0, "O")), coap.Acknowledgement, coap.Content, 2, "PUT /js ooooooooooooooooO")
}

func TestUploadsAreBounded(t *testing.T) {
	_, server := start(t, exchange.Config{Handler: echo, Transfers: 2})
	for i := range 3 {
		a := newPeer(t, server).ask(part(1, 0, true, 0, text(16)))
		want := coap.Continue
		if i == 2 {
			want = coap.ServiceUnavailable
		}
		if a.Code != want {
			t.Errorf("upload %d: %v", i, a.Code)
		}
	}
}

func get(id uint16, num uint32, szx uint8) coap.Message {
	m := request(coap.GET, id, "/big", "")
	m.Options.SetBlock(coap.Block2, coap.Block{Num: num, SZX: szx})
	return m
}

func TestDownloadBlockByBlock(t *testing.T) {
	var version atomic.Int64
	_, server := start(t, exchange.Config{ResponseBlockSize: 64, Handler: func(context.Context, *exchange.Request) exchange.Response {
		return exchange.Text(coap.Content, fmt.Sprint(version.Add(1))+text(150))
	}})
	p := newPeer(t, server)
	first := p.ask(request(coap.GET, 1, "/big", ""))
	expect(t, first, coap.Acknowledgement, coap.Content, 1, ("1" + text(150))[:64])
	if b := block(t, first, coap.Block2); b != (coap.Block{More: true, SZX: 2}) {
		t.Errorf("%+v", b)
	}
	if v, _ := first.Options.Uint(coap.Size2); v != 151 {
		t.Errorf("Size2 %d", v)
	}
	second := p.ask(get(2, 1, 2))
	expect(t, second, coap.Acknowledgement, coap.Content, 2, ("1" + text(150))[64:128])
	third := p.ask(get(3, 2, 2))
	expect(t, third, coap.Acknowledgement, coap.Content, 3, ("1" + text(150))[128:])
	tag, _ := first.Options.Get(coap.ETag)
	for _, m := range []coap.Message{second, third} {
		if again, _ := m.Options.Get(coap.ETag); len(tag) == 0 || !bytes.Equal(tag, again) {
			t.Errorf("ETag %x, then %x", tag, again)
		}
	}
	expect(t, p.ask(get(4, 2, 2)), coap.Acknowledgement, coap.Content, 4, ("1" + text(150))[128:])
	if a := p.ask(get(5, 3, 2)); a.Code != coap.BadRequest {
		t.Errorf("beyond the end: %v", a.Code)
	}
	small := p.ask(get(6, 0, 0))
	expect(t, small, coap.Acknowledgement, coap.Content, 6, ("2" + text(150))[:16])
	// Nobody has begun this one: a lone block is of the resource as it is now.
	lone := newPeer(t, server)
	expect(t, lone.ask(get(7, 2, 2)), coap.Acknowledgement, coap.Content, 7, ("3" + text(150))[128:])
}

func TestDownloadThatChangesIsNoBody(t *testing.T) {
	client, addr := start(t, exchange.Config{})
	p := newPeer(t, addr)
	done := asking(t, client, p.addr(), exchange.Get("/big"))
	for i := range byte(2) {
		m := p.read()
		a := coap.Message{Type: coap.Acknowledgement, Code: coap.Content, ID: m.ID, Token: m.Token, Payload: []byte(text(16))}
		a.Options.Add(coap.ETag, []byte{i})
		a.Options.SetBlock(coap.Block2, coap.Block{Num: uint32(i), More: true})
		p.send(a)
	}
	wantError(t, (<-done).err, exchange.ErrBlock)
}

// Everything arrives once and whole although one datagram in five is lost, and
// others come twice or late.
func TestLossyNetwork(t *testing.T) {
	var handled atomic.Int64
	_, server := start(t, with(quick, func(_ context.Context, r *exchange.Request) exchange.Response {
		handled.Add(1)
		return exchange.Response{Code: coap.Changed, Payload: bytes.Clone(r.Payload)}
	}))
	c := quick
	c.BlockSize, c.MaxRetransmit, c.ACKTimeout = 256, 10, 10*time.Millisecond
	client, _ := start(t, c)
	way := newRelay(t, server, 7, 0.2, 0.2, 0.2)
	sizes := rand.New(rand.NewPCG(1, 2))
	const n = 25
	for i := range n {
		body := fmt.Sprint(i) + text(sizes.IntN(3000))
		a, err := client.Do(within(t), way, exchange.Put("/x", []byte(body)))
		answer{a, err}.want(t, coap.Changed, body)
	}
	if handled.Load() != n {
		t.Errorf("%d requests were handled %d times", n, handled.Load())
	}
}
