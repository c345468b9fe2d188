package pythings_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/roost-iot/roost/gateway/pythings"
)

// A device takes what came until the end of the connection for the file. One that is
// cut off must not end in good form.
func TestFileThatIsCutOffEndsWithAReset(t *testing.T) {
	for _, secure := range []bool{false, true} {
		h := build(t, plan{})
		long := strings.Repeat("x = 'some text that fills the file'\n", 6500)
		app, commit := h.newApp(newLamp, map[string]string{"worker_task.py": long, "management_task.py": recordedTask})
		d := h.device("slow")
		d.aid = string(app.ID)
		d.mustRegister()

		srv := httptest.NewUnstartedServer(h.door)
		srv.Config.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
			below := conn
			if above, ok := conn.(*tls.Conn); ok {
				below = above.NetConn()
			}
			if err := below.(*net.TCPConn).SetWriteBuffer(8 << 10); err != nil { // so that the rest has to wait
				t.Error(err)
			}
			return pythings.ConnContext(ctx, conn)
		}
		if secure {
			srv.StartTLS()
		} else {
			srv.Start()
		}
		conn := dial(t, srv.Listener.Addr().String())
		defer conn.Close()
		if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
			t.Fatal(err)
		}
		if secure {
			conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // as devices do
		}
		body := d.body(map[string]any{"file_name": "worker_task.py", "version": commit, "platform": "Python"})
		if _, err := fmt.Fprintf(conn, "POST /api/v1/apps/get/ HTTP/1.0\r\nHost: x\r\ncontent-length: %d\r\n\r\n%s", len(body), body); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(conn)
		if status, err := r.ReadString('\n'); err != nil || !strings.Contains(status, " 200 ") {
			t.Fatal(status, err)
		}
		srv.CloseClientConnections() // the device reads nothing: the file is on its way
		if got, err := io.ReadAll(r); err == nil {
			t.Errorf("TLS %v: %d of %d bytes came, and then the end as of a whole file", secure, len(got), len(long))
		}
		srv.Close()
	}
}

func TestCallsBelowAPrefix(t *testing.T) {
	for path, want := range map[string]bool{
		"/roost/api/v1/things/register/": true, "//api/v1/things/register/": true, "/p/api/v0.2/things/register": true,
		"/api/v1/things/register/": false, "/api/v2/apps/x/files/api/v1/": false, "/apps": false,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://x"+path, nil)
		if got := pythings.BelowPrefix(r); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// Pythings calls files HTML, and what is in them is the work of other people.
func TestFilesDoNotRunInABrowser(t *testing.T) {
	h := build(t, plan{})
	d := h.ready("A4CF12B3D5E6")
	res, err := http.Get("http://" + h.addr + "/api/v1/apps/get/?version=" + recordedCommit + "&file=worker_task.py&token=" + d.token)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 || res.Header.Get("Content-Security-Policy") != "sandbox" {
		t.Errorf("%d, Content-Security-Policy %q", res.StatusCode, res.Header.Get("Content-Security-Policy"))
	}
}
