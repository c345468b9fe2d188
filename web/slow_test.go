package web

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

// rawStream is a stream on a bare socket with a small receive buffer.
func rawStream(t testing.TB, address, token string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	tcp := conn.(*net.TCPConn)
	t.Cleanup(func() { _ = tcp.Close() })
	_ = tcp.SetReadBuffer(128 << 10)
	fmt.Fprintf(tcp, "GET %s/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer %s\r\n\r\n", apiRoot, token)
	head := make([]byte, 0, 256)
	for one := make([]byte, 1); !strings.HasSuffix(string(head), "\r\n\r\n"); head = append(head, one[0]) {
		if _, err := tcp.Read(one); err != nil {
			t.Fatalf("%v after %q", err, head)
		}
	}
	if !strings.HasPrefix(string(head), "HTTP/1.1 101 ") {
		t.Fatalf("answered %q", head)
	}
	return tcp
}

// sayMasked sends one short text message with the key zero.
func sayMasked(t testing.TB, conn net.Conn, text string) {
	t.Helper()
	if len(text) > 125 {
		t.Fatal("too long")
	}
	if _, err := conn.Write(append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)); err != nil {
		t.Fatal(err)
	}
}

// publish makes n events of about 500 bytes.
func (h *house) publish(n int) { h.publishOf("node1", n) }

func (h *house) publishOf(thing string, n int) {
	value := roost.Text(strings.Repeat("x", 400))
	for range n {
		h.Feed.Publish(&roost.Event{Kind: roost.Read, Ref: h.server.ref(thing), At: time.Now(), Resource: "n", Value: value})
	}
}

// TestReaderThatFallsBehindIsCut has one watcher that stops reading while another
// goes on. The feed holds 65,536 events; the sockets hold some thousands. All is over
// well before the 10 s that a write may hang: the good reader wants few events.
func TestReaderThatFallsBehindIsCut(t *testing.T) {
	h := open(t)
	ada := h.owner()
	slow := rawStream(t, h.http.URL, h.as(ada, "viewer").token)
	sayMasked(t, slow, `{"subscribe":{}}`)
	good := rawStream(t, h.http.URL, h.as(ada, "viewer").token)
	sayMasked(t, good, `{"subscribe":{"things":["node2"]}}`)
	var seen atomic.Int64 // by the good reader
	ended := make(chan struct{})
	go func() { count(good, &seen); close(ended) }()
	defer func() { _ = good.Close(); <-ended }()
	eventually(t, "the slow one watches", func() bool { return h.subscribed() == 2 })
	const rounds, each = 30, 4096
	for n := range rounds {
		h.publish(each)
		h.publishOf("node2", 1)
		eventually(t, "the good reader has read", func() bool { return seen.Load() == int64(1+n+1) })
	}
	last := lastWords(t, slow)
	if !strings.Contains(last, `{"type":"cut","reason":"slow","seq":`) || !strings.Contains(last, "\x0f\xa8slow") { // 4008
		t.Errorf("the slow reader's last words were %q", last)
	}
	h.publishOf("node2", 1)
	eventually(t, "the good reader goes on", func() bool { return seen.Load() == 1+rounds+1 })
	eventually(t, "the slow one is gone", func() bool { return h.subscribed() == 1 })
}

// lastWords reads to the end and gives the last bytes.
func lastWords(t testing.TB, conn net.Conn) string {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	var tail []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		if tail = append(tail, buf[:n]...); len(tail) > 256 {
			tail = tail[len(tail)-256:]
		}
		if err != nil || strings.HasSuffix(string(tail), "\x0f\xa8slow") {
			return string(tail)
		}
	}
}

// TestReaderThatNeverReadsIsCut takes the 10 s that a write may hang.
func TestReaderThatNeverReadsIsCut(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 s")
	}
	t.Parallel()
	h := open(t)
	ada := h.owner()
	mute := rawStream(t, h.http.URL, h.as(ada, "viewer").token)
	sayMasked(t, mute, `{"subscribe":{}}`)
	eventually(t, "it watches", func() bool { return h.subscribed() == 1 })
	h.publish(40_000) // 20 MB: more than the sockets take, less than the feed holds
	end := time.Now().Add(time.Minute)
	for h.server.hub.count() > 0 {
		if time.Now().After(end) {
			t.Fatal("it is still there after a minute")
		}
		<-time.After(50 * time.Millisecond)
	}
}

// TestEarlySubscriptionIsHeard sends the subscription with the request itself.
func TestEarlySubscriptionIsHeard(t *testing.T) {
	h := open(t)
	token := h.as(h.owner(), "viewer").token
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.http.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ask := `{"subscribe":{}}`
	head := fmt.Sprintf("GET %s/stream?access_token=%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", apiRoot, token)
	early := append([]byte(head), 0x81, 0x80|byte(len(ask)), 0, 0, 0, 0)
	if _, err := conn.Write(append(early, ask...)); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	var got []byte
	buf := make([]byte, 1024)
	for !strings.Contains(string(got), `{"type":"hello","seq":`) {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("%v after %q", err, got)
		}
		got = append(got, buf[:n]...)
	}
}

// subscribed is how many streams follow the feed; the hub does, too.
func (h *house) subscribed() int { return h.Feed.Watchers() - 1 }
