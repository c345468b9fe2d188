package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// site is pages like those that Vite builds, on a real socket.
func site(t *testing.T) *browser {
	t.Helper()
	script := strings.Repeat("console.log('roost');\n", 200)
	p := pagesOf(fstest.MapFS{
		"index.html":             {Data: []byte("<!doctype html><title>Roost</title>")},
		"favicon.svg":            {Data: []byte("<svg/>")},
		"manifest.webmanifest":   {Data: []byte("{}")},
		"assets/index-abc123.js": {Data: []byte(script)},
		"websetup/index.html":    {Data: []byte("<!doctype html><title>Set up a thing</title>")},
		"assets/inter-1.woff2":   {Data: bytes.Repeat([]byte{1}, 4096)},
	}, "index.html", true)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	t.Cleanup(client.CloseIdleConnections)
	return &browser{t: t, url: server.URL, client: client}
}

func TestPagesAreServed(t *testing.T) {
	b := site(t)
	for _, c := range []struct {
		path, mime, cache string
		status            int
	}{
		{"/", "text/html; charset=utf-8", "no-cache", 200},
		{"/index.html", "text/html; charset=utf-8", "no-cache", 200},
		{"/setup", "text/html; charset=utf-8", "no-cache", 200},
		{"/things/10.0.0.7", "text/html; charset=utf-8", "no-cache", 200},
		{"/websetup/", "text/html; charset=utf-8", "no-cache", 200},
		{"/favicon.svg", "image/svg+xml", "no-cache", 200},
		{"/manifest.webmanifest", "application/manifest+json", "no-cache", 200},
		{"/assets/index-abc123.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", 200},
		{"/assets/inter-1.woff2", "font/woff2", "public, max-age=31536000, immutable", 200},
		{"/assets/index-old.js", "", "", 404},
		{"/assets/old", "", "", 404},
		{"/robots.txt", "", "", 404},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			res, body := b.send(method, "!"+c.path, nil)
			if res.StatusCode != c.status {
				t.Errorf("%s %s: %d, want %d", method, c.path, res.StatusCode, c.status)
			}
			if c.status != 200 {
				continue
			}
			if got := res.Header; got.Get("Content-Type") != c.mime || got.Get("Cache-Control") != c.cache || got.Get("ETag") == "" {
				t.Errorf("%s %s: %v", method, c.path, got)
			}
			if (method == "HEAD") != (len(body) == 0) {
				t.Errorf("%s %s: %d bytes", method, c.path, len(body))
			}
		}
	}
	b.want(405, "POST", "!/", nil)
}

func TestSetUpPageMayTalkToTheDevice(t *testing.T) {
	b := site(t)
	if res, body := b.send("GET", "!/websetup/", nil); !strings.Contains(string(body), "Set up a thing") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if res, _ := b.send("GET", "!/websetup", nil); res.StatusCode != http.StatusMovedPermanently || res.Header.Get("Location") != "/websetup/" {
		t.Errorf("without the slash: %d, to %s", res.StatusCode, res.Header.Get("Location"))
	}
	server := httptest.NewServer(secured(http.NotFoundHandler()))
	defer server.Close()
	for path, want := range map[string]bool{"/websetup/": true, "/": false, "/things/a": false} {
		res, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if policy := res.Header.Get("Content-Security-Policy"); strings.Contains(policy, "connect-src 'self' http:") != want {
			t.Errorf("%s: %s", path, policy)
		}
	}
}

func TestPagesArePacked(t *testing.T) {
	b := site(t)
	const script = "!/assets/index-abc123.js"
	_, plain := b.send("GET", script, nil)
	res, packed := b.send("GET", script, nil, "Accept-Encoding", "br, gzip;q=0.8")
	if res.Header.Get("Content-Encoding") != "gzip" || len(packed) >= len(plain) {
		t.Fatalf("%d bytes of %d, %v", len(packed), len(plain), res.Header)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || !bytes.Equal(text, plain) {
		t.Errorf("unpacked: %v, %d bytes", err, len(text))
	}
	again, none := b.send("GET", script, nil, "Accept-Encoding", "gzip", "If-None-Match", res.Header.Get("ETag"))
	if again.StatusCode != 304 || len(none) != 0 {
		t.Errorf("asked again: %d", again.StatusCode)
	}
	if refused, _ := b.send("GET", script, nil, "Accept-Encoding", "gzip;q=0"); refused.Header.Get("Content-Encoding") != "" {
		t.Error("packed for somebody who does not want it")
	}
	if font, _ := b.send("GET", "!/assets/inter-1.woff2", nil, "Accept-Encoding", "gzip"); font.Header.Get("Content-Encoding") != "" {
		t.Error("a font was packed twice")
	}
}

func TestPagesAreGuarded(t *testing.T) {
	h := open(t)
	for _, path := range []string{"!/", "!/docs", "!/things/node1"} {
		res, body := h.browser().send("GET", path, nil)
		csp := res.Header.Get("Content-Security-Policy")
		if res.StatusCode != 200 || !strings.Contains(csp, "default-src 'self'") || !strings.Contains(csp, "frame-ancestors 'none'") ||
			res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %d %v", path, res.StatusCode, res.Header)
		}
		if text := string(body); strings.Contains(text, "https://") || strings.Contains(text, "<style") || strings.Contains(text, "style=") {
			t.Errorf("%s loads from elsewhere or has styles that its policy forbids", path)
		}
	}
	_, body := h.browser().send("GET", "!/", nil)
	if builtWithUI == strings.Contains(string(body), "make build") {
		t.Errorf("built with the user interface: %v; the page: %s", builtWithUI, body)
	}
}

func TestDocsListEveryOperation(t *testing.T) {
	h := open(t)
	b := h.owner()
	_, body := b.send("GET", "!/docs", nil)
	for _, d := range readContract(t, b).operations() {
		if !strings.Contains(string(body), `<details id="`+d.id()+`">`) {
			t.Errorf("/docs lacks %s", d.id())
		}
	}
	if res, css := b.send("GET", "!/docs/docs.css", nil); res.StatusCode != 200 || len(css) < 500 {
		t.Errorf("its style sheet: %d, %d bytes", res.StatusCode, len(css))
	}
}

func TestUnknownAddresses(t *testing.T) {
	h := open(t)
	b := h.owner()
	for _, path := range []string{"!/api/", "!/api/v2", "!/api/v2/nothing", "!/api/v3/things", "!/api/v2/things/a/b/c"} {
		b.want(404, "GET", path, nil)
	}
	res, _ := b.send("PUT", "/things/node1", nil)
	if allow := res.Header.Get("Allow"); res.StatusCode != 405 || !slices.Equal(strings.Split(allow, ", "), []string{"GET", "PATCH", "DELETE"}) {
		t.Errorf("PUT of a thing: %d, Allow: %s", res.StatusCode, allow)
	}
	b.want(405, "POST", "/stream", nil)
	if res, _ := b.send("HEAD", "/things", nil); res.StatusCode != 200 {
		t.Errorf("HEAD: %d", res.StatusCode)
	}
}
