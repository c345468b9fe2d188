package micropython

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// loopback lets a board reach this machine and nothing else.
func loopback(c BoardConfig) BoardConfig {
	var dialer net.Dialer
	var listener net.ListenConfig
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if !strings.HasPrefix(address, "127.") {
			return nil, Errno(113)
		}
		return dialer.DialContext(ctx, network, address)
	}
	c.Listen, c.ListenPacket = listener.Listen, func(ctx context.Context, network, _ string) (net.PacketConn, error) {
		return listener.ListenPacket(ctx, network, "127.0.0.1:0")
	}
	return c
}

// ran runs a program on a board without a serial line, to its end.
func ran(t testing.TB, c BoardConfig, program string) (printed string) {
	t.Helper()
	need(t)
	keep(t, vmEngine)
	if c.Flash == nil {
		c.Flash = NewFlash(nil)
	}
	c.Flash.WriteFile("/main.py", []byte(program))
	var out strings.Builder
	c.Print = func(text string) { out.WriteString(text) }
	b, err := NewBoard(c)
	if err != nil {
		t.Error(err)
		return ""
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	if err := b.Run(ctx); err != nil {
		t.Errorf("%v; printed %q", err, out.String())
	}
	return out.String()
}

const post = `
import asyncio, json
async def post(port, body):
    r, w = await asyncio.open_connection('127.0.0.1', port)
    w.write('POST /report HTTP/1.1\r\nHost: roost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n' % len(body))
    w.write(body)
    await w.drain()
    status = await r.readline()
    length = 0
    while True:
        line = await r.readline()
        if line in (b'\r\n', b''): break
        name, value = line.decode().split(':', 1)
        if name.lower() == 'content-length': length = int(value)
    answer = await r.readexactly(length)
    w.close()
    await w.wait_closed()
    return int(status.split()[1]), answer
`

func TestAsyncioReportsToGo(t *testing.T) {
	need(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %d %s", r.Method, len(body), body[:3])
	}))
	defer server.Close()
	port := server.Listener.Addr().(*net.TCPAddr).Port
	got := ran(t, loopback(BoardConfig{}), post+fmt.Sprintf(`
ticks = 0
async def blink():
    global ticks
    while True:
        ticks += 1
        await asyncio.sleep_ms(1)
async def main():
    b = asyncio.create_task(blink())
    for size in (10, 50000):
        print(await post(%[1]d, b'a' * size))
    print(await asyncio.gather(*[post(%[1]d, b'%%d..' %% i) for i in range(5)]))
    while ticks < 5: await asyncio.sleep_ms(1)
    b.cancel()
    return 'done'
print(asyncio.run(main()))
`, port))
	const want = "(200, b'POST 10 aaa')\n(200, b'POST 50000 aaa')\n[(200, b'POST 3 0..'), (200, b'POST 3 1..'), (200, b'POST 3 2..'), (200, b'POST 3 3..'), (200, b'POST 3 4..')]\ndone\n"
	if got != want {
		t.Errorf("printed %s", got)
	}
}

const serve = `
import asyncio
async def handle(r, w):
    method, path, _ = (await r.readline()).decode().split()
    length = 0
    while True:
        line = await r.readline()
        if line in (b'\r\n', b''): break
        if line.lower().startswith(b'content-length:'): length = int(line[15:])
    body = await r.readexactly(length) if length else b''
    text = ('%s %s %d' % (method, path, len(body))).encode()
    w.write(b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' % (len(text), text))
    await w.drain()
    w.close()
    await w.wait_closed()
async def main():
    s = await asyncio.start_server(handle, '127.0.0.1', 0)
    print('at', s.socket.getsockname()[1])
    await asyncio.Event().wait()
asyncio.run(main())
`

// serving starts a board that runs the server above and gives its address.
func serving(t testing.TB) string {
	d := onDesk(t, loopback(BoardConfig{Flash: NewFlash(map[string]string{"/main.py": serve})}))
	d.until("at ")
	return "http://127.0.0.1:" + strings.TrimSpace(d.until("\r\n"))
}

func TestGoAsksAServerOnTheBoard(t *testing.T) {
	need(t)
	url := serving(t)
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 5 {
				size := 1 + 3000*i
				resp, err := client.Post(fmt.Sprintf("%s/x%d", url, g), "text/plain", strings.NewReader(strings.Repeat("b", size)))
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if want := fmt.Sprintf("POST /x%d %d", g, size); string(body) != want {
					t.Errorf("answered %q, want %q", body, want)
				}
			}
		})
	}
	all.Wait()
}

func TestBlockingSockets(t *testing.T) {
	need(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var peer sync.WaitGroup
	peer.Go(func() {
		conn, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		line, _ := in.ReadString('\n')
		fmt.Fprintf(conn, "you said %sand more", line)
		rest, _ := io.ReadAll(in) // until the board closes
		if line != "hello\n" || string(rest) != "bye" {
			t.Errorf("the board said %q, %q", line, rest)
		}
	})
	got := ran(t, loopback(BoardConfig{}), fmt.Sprintf(`
import socket
def fails(f, *a):
    try: return f(*a)
    except OSError as e: return e.errno
s = socket.socket()
s.connect(socket.getaddrinfo('127.0.0.1', %d)[0][-1])
s.send(b'hello\n')
print(s.readline(), s.recv(3), s.read(5))
s.settimeout(0.01); print(fails(s.recv, 1))
s.setblocking(False); print(fails(s.recv, 1))
s.write('bye'); s.close()
print(fails(s.recv, 1))
print(fails(socket.socket().connect, ('127.0.0.1', 1)), fails(socket.socket().connect, ('10.0.0.1', 80)))
a = socket.socket(); a.bind(('127.0.0.1', 0)); a.listen(1)
b = socket.socket(); b.connect(a.getsockname())
c, _ = a.accept()
c.sendall(b'x' * 3000); c.close()
print(len(b.read()), b.recv(10))
`, l.Addr().(*net.TCPAddr).Port))
	if want := "b'you said hello\\n' b'and' b' more'\n110\n11\n9\n111 113\n3000 b''\n"; got != want {
		t.Errorf("printed %q\nwant    %q", got, want)
	}
	_ = l.Close() // or it would wait for a board that did not come
	peer.Wait()
}

func TestBoardsSendDatagrams(t *testing.T) {
	need(t)
	peer, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var echo sync.WaitGroup
	echo.Go(func() {
		packet := make([]byte, 2000)
		for {
			n, from, err := peer.ReadFrom(packet)
			if err != nil {
				return
			}
			_, _ = peer.WriteTo(append([]byte("you said "), packet[:n]...), from)
		}
	})
	got := ran(t, loopback(BoardConfig{}), fmt.Sprintf(`
import socket
peer = ('127.0.0.1', %d)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print(s.sendto(b'hello', peer), s.recvfrom(100) == (b'you said hello', peer))
s.sendto('a' * 1000, peer); print(len(s.recvfrom(100)[0]))
c = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); c.connect(peer)
c.send(b'x'); print(c.recv(20))
s.settimeout(0.01)
try: s.recvfrom(1)
except OSError as e: print(e.errno)
try: s.sendto(b'x', ('a.name', 1))
except OSError as e: print(e.errno)
s.close(); c.close()
`, peer.LocalAddr().(*net.UDPAddr).Port))
	if want := "5 True\n100\nb'you said x'\n110\n113\n"; got != want {
		t.Errorf("printed %q\nwant    %q", got, want)
	}
	_ = peer.Close()
	echo.Wait()
}

func TestNothingIsInReachUnlessItIsLetIn(t *testing.T) {
	need(t)
	got := ran(t, BoardConfig{}, `
import socket
for do in (lambda s: s.connect(('127.0.0.1', 80)), lambda s: (s.bind(('127.0.0.1', 0)), s.listen(1)), lambda s: socket.socket(2, 2).bind(('127.0.0.1', 0))):
    try: do(socket.socket())
    except OSError as e: print(e.errno)
`)
	if got != "111\n13\n13\n" {
		t.Errorf("printed %q", got)
	}
}

func TestTwentyBoardsReportAtOnce(t *testing.T) {
	need(t)
	keep(t, vmEngine)
	var mu sync.Mutex
	seen := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		seen[string(body)]++
	}))
	defer server.Close()
	port := server.Listener.Addr().(*net.TCPAddr).Port
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			id := fmt.Sprintf("0000000000%02x", i)
			got := ran(t, loopback(BoardConfig{ID: id}), post+fmt.Sprintf(`
import machine
from binascii import hexlify
async def main():
    for i in range(3): await post(%d, hexlify(machine.unique_id()))
asyncio.run(main())
print('done')
`, port))
			if got != "done\n" {
				t.Errorf("board %d printed %q", i, got)
			}
		})
	}
	all.Wait()
	if len(seen) != 20 {
		t.Errorf("%d boards reported", len(seen))
	}
	for id, n := range seen {
		if n != 3 {
			t.Errorf("%s reported %d times", id, n)
		}
	}
}

// A board that is switched off takes its connections with it, also those whose
// peers do not read.
func TestSwitchingOffCutsConnections(t *testing.T) {
	need(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	keep(t, vmEngine)
	b, err := NewBoard(loopback(BoardConfig{Flash: NewFlash(map[string]string{"/main.py": fmt.Sprintf(`
import socket
s = socket.socket(); s.connect(('127.0.0.1', %d))
while True: s.send(bytes(4096))
`, l.Addr().(*net.TCPAddr).Port)})}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var board sync.WaitGroup
	board.Go(func() {
		if err := b.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	})
	_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	conn, err := l.Accept()
	if err != nil {
		t.Fatalf("the board does not come: %v", err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(conn, make([]byte, 1<<20)); err != nil {
		t.Error(err)
	}
	cancel()
	board.Wait()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

// One operation is a request that the board answers.
func BenchmarkBoardServesHTTP(b *testing.B) {
	need(b)
	url := serving(b)
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	for b.Loop() {
		resp, err := client.Get(url + "/")
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}
