package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// mimeTypes are the files that a user interface has. The machine's own table is
// not asked: it differs from one to the next.
var mimeTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
	".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".json": "application/json", ".map": "application/json", ".webmanifest": "application/manifest+json",
	".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".webp": "image/webp", ".jpg": "image/jpeg",
	".jpeg": "image/jpeg", ".gif": "image/gif",
	".woff2": "font/woff2", ".woff": "font/woff", ".txt": "text/plain; charset=utf-8", ".wasm": "application/wasm",
}

// packable are the types that shrink.
var packable = []string{"text/", "application/json", "application/manifest+json", "image/svg+xml", "application/wasm"}

// worthPacking is the size in bytes from which on a file is compressed.
const worthPacking = 1 << 10

// asset is one file in memory.
type asset struct {
	body []byte
	mime string
	etag string
	gzip func() []byte // packed at first use and kept; nil when that gains nothing
}

func newAsset(name string, body []byte) *asset {
	sum := sha256.Sum256(body)
	a := &asset{body: body, mime: mimeTypes[path.Ext(name)], etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
	if a.mime == "" {
		a.mime = "application/octet-stream"
	}
	a.gzip = sync.OnceValue(a.pack)
	return a
}

func (a *asset) pack() []byte {
	if len(a.body) <= worthPacking || !hasPrefix(a.mime, packable) {
		return nil
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a valid one
	_, _ = z.Write(a.body)                                // a buffer takes everything
	_ = z.Close()
	if b.Len() >= len(a.body) {
		return nil
	}
	return bytes.Clone(b.Bytes())
}

func hasPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// serve answers with the file. forever: its name changes when it does.
func (a *asset) serve(w http.ResponseWriter, r *http.Request, forever bool) {
	h := w.Header()
	h.Set("Content-Type", a.mime)
	h.Set("Vary", "Accept-Encoding")
	body, etag := a.body, a.etag
	if takesGzip(r) {
		if packed := a.gzip(); packed != nil {
			h.Set("Content-Encoding", "gzip")
			body, etag = packed, strings.TrimSuffix(a.etag, `"`)+`-gz"`
		}
	}
	h.Set("ETag", etag)
	h.Set("Cache-Control", "no-cache")
	if forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if matches(r.Header.Get("If-None-Match"), etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the caller may be gone
	}
}

func takesGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q := strings.TrimSpace(quality)
			return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
		}
	}
	return false
}

// matches tells whether an If-None-Match header names etag (RFC 9110, 13.1.2).
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == etag || tag == "*" {
			return true
		}
	}
	return false
}
