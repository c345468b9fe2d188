package mqttclient

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/roost-iot/roost/wire/mqtt"
)

// echo is a broker that gives every message back, and acknowledges.
func echo(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		packet, err := mqtt.Read(r, mqtt.V5, 1<<22)
		if err != nil {
			return
		}
		var out []byte
		switch p := packet.(type) {
		case *mqtt.Connect:
			out = (&mqtt.Connack{}).Append(nil, mqtt.V5)
		case *mqtt.Publish:
			if p.QoS > 0 {
				out = mqtt.AppendAck(nil, mqtt.V5, mqtt.TypePuback, p.ID, 0)
			}
			back := mqtt.Publish{Topic: p.Topic, Payload: p.Payload}
			out = back.Append(out, mqtt.V5)
		case *mqtt.Disconnect:
			return
		}
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}

func listen(t *testing.T, l net.Listener) {
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { echo(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		work.Wait()
	})
}

// TestManyAtOnceOverEveryTransport: several goroutines send, all comes back whole.
func TestManyAtOnceOverEveryTransport(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen(t, plain)
	overWeb := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"mqtt"}})
		if err != nil {
			return
		}
		conn.SetReadLimit(-1)
		echo(websocket.NetConn(r.Context(), conn, websocket.MessageBinary))
	})
	web, secure := httptest.NewServer(overWeb), httptest.NewTLSServer(overWeb)
	t.Cleanup(web.Close)
	t.Cleanup(secure.Close)
	sealed, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: secure.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	listen(t, sealed)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	for name, o := range map[string]Options{
		"tcp": {Address: "tcp://" + plain.Addr().String()},
		"tls": {Address: "mqtts://" + sealed.Addr().String(), TLS: &tls.Config{RootCAs: roots}},
		"ws":  {Address: "ws" + strings.TrimPrefix(web.URL, "http") + "/mqtt"},
		"wss": {Address: "wss" + strings.TrimPrefix(secure.URL, "https") + "/mqtt", TLS: &tls.Config{RootCAs: roots}},
	} {
		t.Run(name, func(t *testing.T) { exchangeMany(t, o) })
	}
}

func exchangeMany(t *testing.T, o Options) {
	const senders, each = 4, 200
	var mu sync.Mutex
	got := map[string]int{}
	all := make(chan struct{})
	o.Handle = func(p *mqtt.Publish) {
		mu.Lock()
		defer mu.Unlock()
		if len(p.Payload) < 1000 {
			t.Errorf("%d bytes", len(p.Payload))
		}
		if got[p.Topic]++; len(got) == senders*each {
			close(all)
		}
	}
	c, stop := run(t, o)
	defer stop()
	if err := c.Await(soon(t)); err != nil {
		t.Fatal(err)
	}
	payload := []byte(strings.Repeat("x", 1000))
	var work sync.WaitGroup
	for s := range senders {
		work.Go(func() {
			for i := range each {
				p := &mqtt.Publish{Topic: fmt.Sprintf("%d/%d", s, i), QoS: byte(i % 2), Payload: payload}
				if i == 100 {
					p.Payload = make([]byte, 300_000)
				}
				if err := c.Publish(soon(t), p); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
	select {
	case <-all:
	case <-soon(t).Done():
		mu.Lock()
		t.Errorf("%d of %d came back", len(got), senders*each)
		mu.Unlock()
	}
}
