package exchange_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

// libcoap finds one of libcoap's example programs, or skips the test; where the
// peers must be there (ROOST_NEED_PEERS=1) it fails.
func libcoap(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("ROOST_NEED_PEERS") == "1" {
		t.Fatalf("%s is not installed (Debian: libcoap3-bin)", program)
	}
	t.Skipf("skipped: %s is not installed (Debian: libcoap3-bin)", program)
	return ""
}

// libcoapServer starts the example server and waits until it answers client.
func libcoapServer(t testing.TB, client *exchange.Endpoint) (netip.AddrPort, *exec.Cmd) {
	t.Helper()
	program := libcoap(t, "coap-server-notls")
	free := listen(t)
	addr := addrOf(free)
	free.Close()
	cmd := exec.Command(program, "-A", addr.Addr().String(), "-p", strconv.Itoa(int(addr.Port())), "-v", "3", "-d", "10")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("coap-server: %s", out.String())
		}
	})
	eventually(t, "coap-server answers", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		_, err := client.Do(ctx, addr, exchange.Get("/"))
		return err == nil
	})
	return addr, cmd
}

// run runs libcoap's client and returns what it printed.
func run(t testing.TB, server netip.AddrPort, path string, args ...string) string {
	t.Helper()
	program := libcoap(t, "coap-client-notls")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	args = append(args, fmt.Sprintf("coap://%v%s", server, path))
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("coap-client %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// asker sends requests to libcoap's server and fails the test when one has no
// answer.
type asker struct {
	client *exchange.Endpoint
	server netip.AddrPort
}

func (k asker) do(t *testing.T, r *exchange.Request) exchange.Response {
	t.Helper()
	a, err := k.client.Do(within(t), k.server, r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestLibcoapServer(t *testing.T) {
	client, _ := start(t, exchange.Config{})
	server, _ := libcoapServer(t, client)
	k := asker{client, server}
	t.Run("link list", k.linksOfLibcoap)
	t.Run("not found", k.missingFromLibcoap)
	t.Run("put and get in blocks", k.blocksWithLibcoap)
	t.Run("post and delete", k.madeAtLibcoap)
	t.Run("separate response", k.separatelyFromLibcoap)
	t.Run("unknown critical option", k.optionForLibcoap)
	t.Run("observe", k.observingLibcoap)
}

func (k asker) linksOfLibcoap(t *testing.T) {
	a := k.do(t, exchange.Get("/.well-known/core"))
	links, err := coap.ParseLinks(string(a.Payload))
	if f, _ := a.Options.Format(); err != nil || f != coap.LinkFormat {
		t.Fatalf("%v, %v of %q", err, f, a.Payload)
	}
	found := map[string]bool{}
	for _, l := range links {
		_, obs := l.Attr("obs")
		found[l.Target] = obs
	}
	if _, ok := found["/async"]; !ok || !found["/time"] {
		t.Errorf("%q", a.Payload)
	}
}

func (k asker) missingFromLibcoap(t *testing.T) {
	if a := k.do(t, exchange.Get("/nowhere")); a.Code != coap.NotFound {
		t.Errorf("%v", a.Code)
	}
}

func (k asker) blocksWithLibcoap(t *testing.T) {
	body := text(3000)
	a := k.do(t, exchange.Put("/example_data", []byte(body)))
	if !a.Code.IsSuccess() {
		t.Fatalf("%v %q", a.Code, a.Payload)
	}
	if a = k.do(t, exchange.Get("/example_data")); string(a.Payload) != body {
		t.Errorf("%v, %d bytes", a.Code, len(a.Payload))
	}
	r := exchange.Get("/example_data")
	r.Options.SetBlock(coap.Block2, coap.Block{SZX: 1})
	if a = k.do(t, r); string(a.Payload) != body {
		t.Errorf("in blocks of 32: %v, %d bytes", a.Code, len(a.Payload))
	}
}

func (k asker) madeAtLibcoap(t *testing.T) {
	if a := k.do(t, exchange.Put("/made", []byte("here"))); a.Code != coap.Created {
		t.Errorf("%v", a.Code)
	}
	if a := k.do(t, exchange.Get("/made")); string(a.Payload) != "here" {
		t.Errorf("%v %q", a.Code, a.Payload)
	}
	if a := k.do(t, exchange.Delete("/made")); a.Code != coap.Deleted {
		t.Errorf("%v", a.Code)
	}
}

func (k asker) separatelyFromLibcoap(t *testing.T) {
	r := exchange.Get("/async")
	r.Options.SetQuery("1")
	began := time.Now()
	if a := k.do(t, r); a.Code != coap.Content || string(a.Payload) != "done" || time.Since(began) < 900*time.Millisecond {
		t.Errorf("%v %q after %v", a.Code, a.Payload, time.Since(began))
	}
}

func (k asker) optionForLibcoap(t *testing.T) {
	r := exchange.Get("/")
	r.Options.Add(2051, []byte("x"))
	if a := k.do(t, r); a.Code != coap.BadOption {
		t.Errorf("%v", a.Code)
	}
}

func (k asker) observingLibcoap(t *testing.T) {
	said, tell := states()
	o, err := k.client.Observe(within(t), k.server, exchange.Get("/time"), tell)
	if err != nil {
		t.Fatal(err)
	}
	first, second, third := <-said, <-said, <-said
	if first == "" || first == second || second == third {
		t.Errorf("%q %q %q", first, second, third)
	}
	o.Stop()
	<-o.Done()
	_, err = k.client.Observe(within(t), k.server, exchange.Get("/async"), tell)
	wantError(t, err, exchange.ErrNotObservable)
}

func TestLibcoapClient(t *testing.T) {
	var kept atomic.Pointer[[]byte]
	replies := make(chan *exchange.Reply, 1)
	_, server := start(t, exchange.Config{MaxBody: 40000, Handler: func(_ context.Context, r *exchange.Request) exchange.Response {
		switch {
		case r.Options.PathIs("slow"):
			replies <- r.Later()
			return exchange.Response{}
		case r.Code == coap.GET && kept.Load() != nil:
			return exchange.Response{Code: coap.Content, Payload: *kept.Load()}
		case r.Code == coap.GET:
			return exchange.Response{Code: coap.NotFound}
		}
		b := bytes.Clone(r.Payload)
		kept.Store(&b)
		return exchange.Text(coap.Changed, r.Code.String()+" of "+strconv.Itoa(len(b)))
	}})
	contains(t, run(t, server, "/x"), "4.04")
	contains(t, run(t, server, "/alive", "-m", "post", "-e", "reset:X"), "POST of 7")
	contains(t, run(t, server, "/alive", "-N", "-m", "post", "-e", "alive:XY"), "POST of 8")
	contains(t, run(t, server, "/x", "-m", "put", "-f", bodyFile(t, 65536)), "4.13")
	contains(t, run(t, server, "/x", "-O", "2051,x"), "4.02")
	done := make(chan error, 1)
	go func() {
		r := <-replies
		r.Acknowledge()
		done <- r.Respond(context.Background(), exchange.Text(coap.Content, "took its time"))
	}()
	contains(t, run(t, server, "/slow"), "took its time")
	if err := <-done; err != nil {
		t.Error(err)
	}
	blocksOfLibcoap(t, server, &kept)
}

// blocksOfLibcoap puts bodies into kept and gets them back, in blocks.
func blocksOfLibcoap(t *testing.T, server netip.AddrPort, kept *atomic.Pointer[[]byte]) {
	t.Helper()
	for _, n := range []int{1024, 1025, 3000, 33000} {
		for _, size := range []string{"16", "64", "1024"} {
			if n > 3000 && size == "16" {
				continue
			}
			contains(t, run(t, server, "/x", "-m", "put", "-b", size, "-f", bodyFile(t, n)), fmt.Sprintf("PUT of %d", n))
			if got := *kept.Load(); string(got) != text(n) {
				t.Errorf("%d bytes in blocks of %s arrived as %d", n, size, len(got))
			}
			back := filepath.Join(t.TempDir(), "back")
			run(t, server, "/x", "-b", size, "-o", back)
			if got, _ := os.ReadFile(back); string(got) != text(n) {
				t.Errorf("%d bytes in blocks of %s came back as %d", n, size, len(got))
			}
		}
	}
}

// bodyFile is a file with text(n) in it.
func bodyFile(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(path, []byte(text(n)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func contains(t *testing.T, out, want string) {
	t.Helper()
	if !strings.Contains(out, want) {
		t.Errorf("coap-client printed %q, want %q", out, want)
	}
}

func TestLibcoapObservesUs(t *testing.T) {
	server, addr := start(t, exchange.Config{Handler: thermometer})
	program := libcoap(t, "coap-client-notls")
	out := filepath.Join(t.TempDir(), "out")
	cmd := exec.Command(program, "-s", "10", "-o", out, fmt.Sprintf("coap://%v/temperature", addr))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	eventually(t, "coap-client observes", func() bool { return server.Observers() == 1 })
	for i := range 25 { // more than ConfirmEvery
		want := fmt.Sprintf("state %d", i)
		server.Notify("/temperature", exchange.Text(coap.Content, want))
		eventually(t, want, func() bool {
			b, _ := os.ReadFile(out)
			return bytes.HasSuffix(bytes.TrimSpace(b), []byte(want))
		})
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}
