package device_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost/micropython"
)

// setUp is the start of a board as rt.main does it, without the rest.
const setUp = `
from rt import air
for name in ('want', 'setup'):
    __import__('rt.' + name)
import rt
async def ends():  # when the test has looked at everything
    while not conf.load('go'):
        await hal.sleep_ms(20)
    conf.drop('go')
    air.over = True
air.ending = lambda ms=0: asyncio.create_task(ends())
async def main():
    reason = net.wants_setup()
    if reason:
        print('reason', reason)
        await rt.setup.run(reason)
    print('up', await net.up(), net.sta._settings[0]['essid'], conf.get('server'), hal.cause(), hal.why, '.')
    await hal.sleep_ms(100000)
asyncio.run(main())
`

// goes lets set-up end.
func (b *box) goes() { b.flash.WriteFile("/go.json", []byte(`{"now": 1}`)) }

// phone is somebody in the board's network.
type phone struct {
	t    *testing.T
	base string
	http.Client
}

func (b *box) phone() *phone {
	b.t.Helper()
	p := &phone{t: b.t, base: "http://" + b.reach("tcp", 80)}
	p.Timeout = patience
	p.Transport = &http.Transport{DisableKeepAlives: true}
	p.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return p
}

// done gives what came back.
func (p *phone) done(resp *http.Response, err error) (*http.Response, string) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp, string(body)
}

func (p *phone) get(path string) (*http.Response, string) {
	p.t.Helper()
	return p.done(p.Get(p.base + path))
}

func (p *phone) json(path string, into any) {
	p.t.Helper()
	resp, body := p.get(path)
	if resp.StatusCode != http.StatusOK || json.Unmarshal([]byte(body), into) != nil {
		p.t.Fatalf("%s: %s %q", path, resp.Status, body)
	}
}

// ends waits until trying is over.
func (p *phone) ends() (state string) {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		var s struct{ State string }
		if p.json("/state", &s); s.State != "trying" {
			return s.State
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.t.Fatal("tries for ever")
	return ""
}

// The whole way of somebody with a new board and a phone: its network, the page, a
// wrong password, the right one, and the board is in the Wi-Fi.
func TestSetUpByThePage(t *testing.T) {
	const name = `Nachbars "Netz" <b>&'`
	air := micropython.NewWiFi(map[string]string{"house": "correct horse", name: ""})
	b := boxed(t, air, setUp, map[string]string{"/_s/ap": "from the installer"})
	b.on()
	if printed := b.says("and open http://192.168.4.1/"); !strings.Contains(printed, "reason no network") || !strings.Contains(printed, "Roost-1A2B, password from the installer") {
		t.Errorf("printed %s", printed)
	}
	if ssid, password, on := b.board.AccessPoint(); ssid != "Roost-1A2B" || password != "from the installer" || !on {
		t.Errorf("opens %q with %q, %v", ssid, password, on)
	}
	p := b.phone()
	resp, body := p.get("/")
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") || len(body) > 3<<10 {
		t.Errorf("%s, %d bytes", resp.Status, len(body))
	}
	if strings.Contains(body, "<b>") || !strings.Contains(body, `value="Nachbars &quot;Netz&quot; &lt;b&gt;&amp;&#39;"`) || !strings.Contains(body, `value="house"`) {
		t.Errorf("page %s", body)
	}
	var found []struct {
		SSID string
		Open bool
	}
	if p.json("/scan", &found); len(found) != 2 {
		t.Errorf("found %v", found)
	}
	form := url.Values{"ssid": {"house"}, "other": {""}, "password": {"battery staple"}, "server": {"roost.example:8000/"}}
	if resp, _ = p.done(p.PostForm(p.base+"/save", form)); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/" {
		t.Errorf("saved with %s to %q", resp.Status, resp.Header.Get("Location"))
	}
	if state := p.ends(); state != "failed" {
		t.Errorf("with a wrong password: %s", state)
	}
	if _, body = p.get("/"); !strings.Contains(body, "house could not be joined. Is the password right?") || strings.Contains(body, "battery") {
		t.Errorf("says %s", body)
	}
	if b.file("/wifi.json") != "" {
		t.Error("keeps what does not work")
	}
	// One that is not in the list is offered again, too; what is chosen then counts.
	form.Set("other", "elsewhere")
	p.done(p.PostForm(p.base+"/save", form))
	if state := p.ends(); state != "failed" {
		t.Errorf("with a network that is not there: %s", state)
	}
	if _, body = p.get("/"); !strings.Contains(body, `value="elsewhere" checked`) {
		t.Errorf("says %s", body)
	}
	form.Set("other", "")
	form.Set("password", "correct horse")
	p.done(p.PostForm(p.base+"/save", form))
	if state := p.ends(); state != "joined" {
		t.Errorf("with the right password: %s", state)
	}
	if _, body = p.get("/"); !strings.Contains(body, "Joined house, with the address 127.0.0.1") {
		t.Errorf("says %s", body)
	}
	b.goes()
	b.says("up True house http://roost.example:8000 planned setup .")
	if !alike(t, b.file("/wifi.json"), wifi) {
		t.Errorf("keeps %s", b.file("/wifi.json"))
	}
}

func TestSetUpAsJSON(t *testing.T) {
	b := boxed(t, micropython.NewWiFi(map[string]string{"Café + Bar": "50% off & more"}), setUp, nil)
	b.on()
	p := b.phone()
	join := func(body string) (state, text string) {
		t.Helper()
		resp, answer := p.done(p.Post(p.base+"/join", "application/json", strings.NewReader(body)))
		var s struct{ State, Text string }
		if resp.StatusCode != http.StatusOK || json.Unmarshal([]byte(answer), &s) != nil {
			t.Fatalf("%s %q", resp.Status, answer)
		}
		return s.State, s.Text
	}
	for body, want := range map[string]string{
		`{}`:                                 "Choose a network.",
		`[]`:                                 "Choose a network.",
		`{"ssid":"x","password":"short"}`:    "A Wi-Fi password has 8 to 63 characters.",
		`{"ssid":"x","server":"ftp://host"}`: "The address of Roost begins with http:// or https://.",
		`{"ssid":"` + strings.Repeat("é", 17) + `"}`: "Choose a network.",
	} {
		if state, text := join(body); state != "failed" || text != want {
			t.Errorf("%s: %s, %q", body, state, text)
		}
	}
	join(`{"ssid":"Café + Bar","password":"50% off & more"}`)
	if state := p.ends(); state != "joined" {
		t.Error(state)
	}
	b.goes()
	b.says("up True Café + Bar None planned setup .")
}

// The Web Setup protocol of PythingsOS, with the requests of its pages (P01, P02, P04).
func TestWebSetupProtocol(t *testing.T) {
	b := boxed(t, micropython.NewWiFi(map[string]string{"Cafe + Bar": "50% off & more"}), setUp, nil)
	b.on()
	p := b.phone()
	ask := func(query string, into any) *http.Response {
		t.Helper()
		resp, body := p.get("/?" + query)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Access-Control-Allow-Origin") != "*" || resp.Header.Get("Content-Type") != "application/json" {
			t.Fatalf("%s: %s %v", query, resp.Status, resp.Header)
		}
		if into != nil && json.Unmarshal([]byte(body), into) != nil {
			t.Fatalf("%s: %q", query, body)
		}
		if into == nil && body != "" {
			t.Errorf("%s: %q", query, body)
		}
		return resp
	}
	var check struct {
		Status, TID, Platform, Version string
		AID, APN, ESSID                *string
	}
	resp := ask("cmd=check&_=1", &check)
	if check.Status != "OK" || check.TID != "28CDC1001A2B" || check.Platform == "" || check.Version == "" || check.AID != nil || check.ESSID != nil {
		t.Errorf("check %+v", check)
	}
	if resp.Proto != "HTTP/1.0" || resp.ContentLength != -1 || resp.Header.Get("Access-Control-Allow-Credentials") != "true" ||
		resp.Header.Get("Access-Control-Allow-Methods") != "POST, GET, OPTIONS" || !strings.Contains(resp.Header.Get("Access-Control-Allow-Headers"), "X-CSRFToken, ACCEPT") {
		t.Errorf("%s %d %v", resp.Proto, resp.ContentLength, resp.Header)
	}
	var rows [][]any
	ask("cmd=scan", &rows)
	if len(rows) != 1 || len(rows[0]) != 6 || rows[0][0] != "Cafe + Bar" || rows[0][3] != -60.0 || rows[0][5] != false {
		t.Errorf("scan %v", rows)
	}
	type joined struct {
		Status, ESSID string
		IsConnected   bool
		Saved         bool
	}
	const join, right = "cmd=join&essid=Cafe%20%2B%20Bar", "&password=50%25%20off%20%26%20more"
	for query, want := range map[string]joined{
		join:                     {Status: "ERROR"},
		join + "&password=wrong": {"OK", "Cafe + Bar", false, false},
		"cmd=check_wifi":         {Status: "OK"},
		join + right:             {"OK", "Cafe + Bar", true, true},
		join + right + "&_=12":   {"OK", "Cafe + Bar", true, true},
	} {
		if query == "cmd=check_wifi" && b.file("/wifi.json") != "" {
			continue
		}
		var got joined
		if ask(query, &got); got != want {
			t.Errorf("%s: %+v", query, got)
		}
	}
	var stored joined
	if ask("cmd=check_wifi", &stored); !stored.IsConnected || stored.ESSID != "Cafe + Bar" {
		t.Errorf("check_wifi %+v", stored)
	}
	var set map[string]string
	if ask("cmd=set_app&aid=3a5f0c9e-0000", &set); set["status"] != "OK" || set["aid"] != "3a5f0c9e-0000" {
		t.Errorf("set_app %v", set)
	}
	ask("cmd=what", nil)
	if ask("cmd=check", &check); *check.AID != "3a5f0c9e-0000" || *check.ESSID != "Cafe + Bar" {
		t.Errorf("check %+v", check)
	}
	for _, raw := range []string{"OPTIONS /?cmd=join HTTP/1.1", "POST /?cmd=check HTTP/1.1", "GET /?cmd=check HTTP/1.0", "OPTIONS / HTTP/1.1"} {
		if got := b.raw(raw + "\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.0 200 OK\r\nAccess-Control-Allow-Methods") || !strings.HasSuffix(got, "Content-Length: 0\r\n\r\n") {
			t.Errorf("%s: %q", raw, got)
		}
	}
	ask("cmd=close", &set)
	b.goes()
	b.says("up True Cafe + Bar None planned setup .")
}

// raw sends bytes and gives all that comes until the board closes.
func (b *box) raw(request string) string {
	b.t.Helper()
	conn, err := net.Dial("tcp", b.reach("tcp", 80))
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = conn.Write([]byte(request)) // it may have heard enough
	_ = conn.(*net.TCPConn).CloseWrite()
	got, _ := io.ReadAll(bufio.NewReader(conn))
	return string(got)
}

// Phones that look for a captive portal are sent to the page, whatever they ask.
func TestCaptivePortal(t *testing.T) {
	b := boxed(t, micropython.NewWiFi(nil), setUp, nil)
	b.on()
	p := b.phone()
	for _, path := range []string{"/generate_204", "/gen_204", "/hotspot-detect.html", "/library/test/success.html", "/connecttest.txt", "/ncsi.txt", "/canonical.html", "/x?y=1"} {
		resp, _ := p.get(path)
		if resp.StatusCode != http.StatusFound || resp.Header.Get("Location") != "http://192.168.4.1/" {
			t.Errorf("%s: %s to %q", path, resp.Status, resp.Header.Get("Location"))
		}
	}
}

// query is a question of DNS.
func query(id uint16, name string, kind uint16) []byte {
	q := binary.BigEndian.AppendUint16(nil, id)
	q = append(q, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	for label := range strings.SplitSeq(name, ".") {
		q = append(append(q, byte(len(label))), label...)
	}
	q = append(q, 0)
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(q, kind), 1)
}

func TestCaptiveDNS(t *testing.T) {
	b := boxed(t, micropython.NewWiFi(nil), setUp, nil)
	b.on()
	conn, err := net.Dial("udp", b.reach("udp", 53))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	ask := func(q []byte) []byte {
		t.Helper()
		if _, err := conn.Write(q); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 512)
		n, err := conn.Read(answer)
		if err != nil {
			t.Fatal(err)
		}
		return answer[:n]
	}
	good := query(7, "connectivitycheck.example.com", 1)
	// Garbage gets no answer and ends nothing: the next answer is that of a question.
	for _, bad := range []string{
		"", "x", strings.Repeat("\xff", 400), string(good[:20]), string(good[:len(good)-1]), "\x00\x01\x81\x80" + string(good[4:]),
		"\x00\x01\x01\x00\x00\x02" + string(good[6:]), string(good[:12]) + "\xc0\x0c\x00\x01\x00\x01", string(good[:12]) + strings.Repeat("\x3fa", 200),
	} {
		if _, err := conn.Write([]byte(bad)); err != nil {
			t.Fatal(err)
		}
	}
	answer := ask(good)
	want := "\x00\x07\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00" + string(good[12:]) + "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\xc0\xa8\x04\x01"
	if string(answer) != want {
		t.Errorf("answered %q", answer)
	}
	if answer = ask(query(8, "example.com", 28)); answer[3] != 0x80 || answer[7] != 0 || len(answer) != len(query(8, "example.com", 28)) {
		t.Errorf("for an address of IPv6: %q", answer)
	}
}

// What is no request gets none of the board's time, and the page stands.
func TestGarbageAtSetUp(t *testing.T) {
	b := boxed(t, micropython.NewWiFi(nil), setUp, nil)
	b.on()
	for _, junk := range []string{
		"", "\r\n\r\n", "GET", "\x16\x03\x01\x02\x00", "GET /?cmd=%zz&%%%=1 HTTP/1.1\r\n\r\n", "POST /join HTTP/1.1\r\nContent-Length: 3\r\n\r\n{{{",
		"POST /save HTTP/1.1\r\nContent-Length: 99999\r\n\r\nx", "POST /save HTTP/1.1\r\nContent-Length: -5\r\n\r\n", "GET / HTTP/1.1\r\nX: " + strings.Repeat("y", 4000),
		"POST /save HTTP/1.1\r\nContent-Length: 6\r\n\r\nssid=\xff", "\xff\xfe /\xff HTTP/1.1\r\n\r\n",
	} {
		b.raw(junk)
	}
	if resp, _ := b.phone().get("/"); resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
	if printed := b.says("192.168.4.1"); strings.Contains(printed, "Traceback") {
		t.Errorf("printed %s", printed)
	}
}

// A board that knows a Wi-Fi does not stay in set-up for ever.
func TestSetUpEndsByItself(t *testing.T) {
	b := boxed(t, micropython.NewWiFi(map[string]string{"house": "correct horse"}), setUp, map[string]string{
		"/wifi.json": wifi, "/settings.json": `{"setup": 1, "setup_timeout": 1}`,
	})
	b.on()
	b.says("reason asked")
	b.says("up True house None planned setup .")
	if strings.Contains(b.file("/settings.json"), `"setup": 1`) {
		t.Error("it will be asked again")
	}
}

// The password of the set-up network: the same at each start, WPA2's length, not that of another board.
func TestPasswordOfTheSetUpNetwork(t *testing.T) {
	seen := map[string]bool{}
	for _, files := range []map[string]string{
		{"/_s/key": `{"id": "a", "key": "` + strings.Repeat("01", 32) + `"}`},
		{"/_s/key": `{"id": "a", "key": "` + strings.Repeat("02", 32) + `"}`},
		{"/_s/ap": "short"},
		{},
	} {
		b := boxed(t, micropython.NewWiFi(nil), setUp, files)
		var last string
		for range 2 {
			b.on()
			b.reach("tcp", 80)
			_, password, on := b.board.AccessPoint()
			if len(password) != 8 || !on || last != "" && password != last {
				t.Errorf("%q after %q, %v", password, last, on)
			}
			last = password
			b.off()
		}
		if seen[last] {
			t.Errorf("%q twice", last)
		}
		seen[last] = true
	}
}

// The same set-up by CPython, over a radio that is played.
func TestSetUpByCPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	lines := onCPython(t, python, setUpOnCPython, map[string]string{"_s/ap": "from the installer", "network.py": `
STA_IF, AP_IF, STAT_WRONG_PASSWORD = 0, 1, 202
class WLAN:
    def __init__(self, n):
        self.on = False
    def active(self, on):
        pass
    def config(self, **more):
        print('config', sorted(more.items()))
    def ifconfig(self):
        return ('192.168.4.1',)
    def status(self, what=None):
        return [] if what else 202
    def disconnect(self):
        self.on = False
    def connect(self, ssid, password):
        self.on = (ssid, password) == ('house', 'correct horse')
    def isconnected(self):
        return self.on
    def scan(self):
        return [(b'house', b'123456', 1, -50, 3, False), (b'house', b'123457', 6, -40, 3, False), (b'\xff\xfe', b'123458', 6, -80, 0, False)]
`})
	next := func(begin string) string {
		t.Helper()
		late := time.After(patience)
		for {
			select {
			case line, ok := <-lines:
				if !ok {
					t.Fatalf("it ended before it said %s", begin)
				}
				if rest, ok := strings.CutPrefix(line, begin); ok {
					return rest
				}
			case <-late:
				t.Fatalf("it never says %s", begin)
			}
		}
	}
	if got := next("config "); !strings.Contains(got, "from the installer") {
		t.Errorf("opens %s", got)
	}
	p := &phone{t: t, base: "http://127.0.0.1:" + next("port ")}
	p.Timeout = patience
	p.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	var found []struct {
		SSID string
		RSSI int
	}
	if p.json("/scan", &found); len(found) != 2 || found[0].SSID != "house" || found[0].RSSI != -40 || found[1].SSID != "ÿþ" {
		t.Errorf("found %v", found)
	}
	form := url.Values{"ssid": {"house"}, "other": {""}, "password": {"correct horse"}, "server": {""}}
	if resp, _ := p.done(p.PostForm(p.base+"/save", form)); resp.StatusCode != http.StatusSeeOther {
		t.Error(resp.Status)
	}
	if state := p.ends(); state != "joined" {
		t.Error(state)
	}
	if _, body := p.get("/"); !strings.Contains(body, "Joined house") {
		t.Errorf("says %s", body)
	}
	p.done(p.PostForm(p.base+"/close", nil))
	if got := next("reset "); got != "setup [{'ssid': 'house', 'password': 'correct horse'}]" {
		t.Error(got)
	}
}

// setUpOnCPython opens its page on loopback and nothing else.
const setUpOnCPython = `
import asyncio
sys.path.insert(0, sys.path[0][:-3])
from rt import hal, conf, dns, net, setup
start = asyncio.start_server
async def listen(serve, host, port):
    s = await start(serve, '127.0.0.1', 0)
    print('port', s.sockets[0].getsockname()[1])
    return s
asyncio.start_server = listen
async def names(ip):
    pass
dns.run = names
def reset(why):
    print('reset', why, conf.load('wifi.json'))
    raise SystemExit
hal.reset = reset
async def main():
    await setup.run(net.wants_setup())
asyncio.run(main())
`
