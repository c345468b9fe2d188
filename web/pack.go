package web

import (
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
)

// packed compresses the long answers of next for those who take it. The handlers
// of the API write their answer at once, so its first part tells whether that pays.
func packed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, apiRoot+"/") || r.Header.Get("Upgrade") != "" {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Add("Vary", "Accept-Encoding")
		if r.Method == http.MethodHead || !takesGzip(r) {
			next.ServeHTTP(w, r)
			return
		}
		p := &packer{ResponseWriter: w}
		next.ServeHTTP(p, r)
		p.close() // not after a panic: the connection is cut then
	})
}

// packers are compressors that nobody uses just now; each takes some 800 kB.
var packers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is a valid one
	return z
}}

// packer is one answer. It puts off its status until the body says what it is.
type packer struct {
	http.ResponseWriter
	status int
	begun  bool
	zip    *gzip.Writer // nil: the answer goes as it is
}

// WriteHeader implements http.ResponseWriter.
func (p *packer) WriteHeader(status int) {
	if status < 200 {
		p.ResponseWriter.WriteHeader(status)
		return
	}
	if p.status == 0 {
		p.status = status
	}
}

// Write implements http.ResponseWriter.
func (p *packer) Write(b []byte) (int, error) {
	if !p.begun {
		p.begin(b)
	}
	if p.zip != nil {
		return p.zip.Write(b)
	}
	return p.ResponseWriter.Write(b)
}

// begin sends the header; first is the first part of the body.
func (p *packer) begin(first []byte) {
	p.begun = true
	h := p.Header()
	kind := h.Get("Content-Type")
	text := strings.HasPrefix(kind, "application/") && kind != zipType && kind != fileType
	if len(first) > worthPacking && text && h.Get("Content-Encoding") == "" && p.status != http.StatusNotModified {
		h.Set("Content-Encoding", "gzip")
		h.Del("Content-Length")
		p.zip = packers.Get().(*gzip.Writer)
		p.zip.Reset(p.ResponseWriter)
	}
	if p.status != 0 {
		p.ResponseWriter.WriteHeader(p.status)
	}
}

// close ends the answer.
func (p *packer) close() {
	if !p.begun {
		p.begin(nil)
	}
	if p.zip != nil {
		_ = p.zip.Close() // the caller may be gone
		packers.Put(p.zip)
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (p *packer) Unwrap() http.ResponseWriter { return p.ResponseWriter }
