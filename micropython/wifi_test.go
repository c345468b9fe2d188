package micropython

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

const joinWiFi = `
import network, socket, time
w = network.WLAN(network.STA_IF)
w.active(True)
def join(password):
    w.connect('house', password)
    return w.isconnected(), w.status()
def dial(port):
    s = socket.socket()
    try:
        s.connect(('127.0.0.1', port))
        return s
    except OSError as e: return e.errno
`

func TestWrongWiFiPassword(t *testing.T) {
	need(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	air := NewWiFi(map[string]string{"house": "correct horse"})
	got := ran(t, loopback(BoardConfig{WiFi: air}), joinWiFi+fmt.Sprintf(`
port = %d
print(w.isconnected(), dial(port), [s[0] for s in w.scan()])
print(join('battery staple'), dial(port))
print(join('correct horse'), type(dial(port)).__name__, w.ifconfig()[0])
w.disconnect(); print(w.isconnected(), dial(port))
w.connect('elsewhere', ''); print(w.status())
ap = network.WLAN(network.AP_IF); ap.config(ssid='set-up', key='12345678', security=network.AUTH_WPA2_PSK); ap.active(True)
print(ap.config('ssid'), ap.active(), ap.ifconfig()[0], type(dial(port)).__name__)
`, l.Addr().(*net.TCPAddr).Port))
	const want = "False 113 [b'house']\n(False, 202) 113\n(True, 1010) socket 127.0.0.1\nFalse 113\n201\nset-up True 192.168.4.1 socket\n"
	if got != want {
		t.Errorf("printed %q\nwant    %q", got, want)
	}
}

func TestLostWiFiBreaksConnections(t *testing.T) {
	need(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	air := NewWiFi(map[string]string{"house": "secret"})
	d := onDesk(t, loopback(BoardConfig{WiFi: air, Flash: NewFlash(map[string]string{"/main.py": joinWiFi + fmt.Sprintf(`
print(join('secret'))
s = dial(%d)
print('waits')
try: print(s.recv(1))
except OSError as e: print('broken', e.errno, w.isconnected())
while not w.isconnected(): time.sleep_ms(1)
print('back')
`, l.Addr().(*net.TCPAddr).Port)})}))
	d.until("waits\r\n")
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	air.Drop("house")
	d.until("broken 103 False\r\n")
	air.Set("house", "secret")
	d.until("back\r\n")
}

// A phone sees the network that a board opens, until the board is off.
func TestAccessPointIsSeen(t *testing.T) {
	need(t)
	air := NewWiFi(nil)
	d := onDesk(t, loopback(BoardConfig{WiFi: air, Flash: NewFlash(map[string]string{"/main.py": `
import network
ap = network.WLAN(network.AP_IF)
try:
    ap.config(ssid='Roost-1A2B', key='short', security=network.AUTH_WPA2_PSK)
except OSError as e: print(e)
ap.config(key='long enough')
print('off')
input()
ap.active(True)
print('on')
input()
`})}))
	d.until("off\r\n")
	if name, _, on := d.board.AccessPoint(); on {
		t.Errorf("sees %q of a board that has not opened it", name)
	}
	d.send("\r")
	d.until("on\r\n")
	if name, password, on := d.board.AccessPoint(); name != "Roost-1A2B" || password != "long enough" || !on {
		t.Errorf("sees %q, %q, %v", name, password, on)
	}
}

// Who dialled the board in its own network stays while the board changes the other one.
func TestGuestsOfAnAccessPointStay(t *testing.T) {
	need(t)
	at := make(chan string, 1)
	c := loopback(BoardConfig{WiFi: NewWiFi(map[string]string{"house": ""})})
	listen := c.Listen
	c.Listen = func(ctx context.Context, network, _ string) (net.Listener, error) {
		l, err := listen(ctx, network, "127.0.0.1:0")
		if err == nil {
			at <- l.Addr().String()
		}
		return l, err
	}
	c.Flash = NewFlash(map[string]string{"/main.py": `
import network, socket
network.WLAN(network.AP_IF).active(True)
w = network.WLAN()
w.active(True)
l = socket.socket()
l.bind(('0.0.0.0', 80))
l.listen(1)
s, _ = l.accept()
w.connect('house')
print(w.isconnected())
w.disconnect()
s.send(b'here')
s.close()
`})
	onDesk(t, c)
	select {
	case address := <-at:
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		if got, err := io.ReadAll(conn); err != nil || string(got) != "here" {
			t.Errorf("got %q, %v", got, err)
		}
	case <-time.After(patience):
		t.Fatal("does not listen")
	}
}
