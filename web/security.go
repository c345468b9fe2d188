package web

import (
	"errors"
	"net/http"
	"net/url"
	"runtime/debug"
)

// pagePolicy lets our own pages load our own files and talk to our own server, and
// nothing else but pictures: a camera's, a webcam's that a thing names, a map's. The
// code editor places its hints by style attributes; style elements are not let in.
const pagePolicy = "default-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data: blob: http: https:; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// setUpPolicy is that of the page below setUpPath, which talks to a device in the
// network that the reader has joined, at an address of its own.
const (
	setUpPath   = "/websetup/"
	setUpPolicy = "default-src 'self'; img-src 'self' data: http: https:; connect-src 'self' http:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

// secured gives every answer the headers that keep browsers careful.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		if r.URL.Path == setUpPath {
			h.Set("Content-Security-Policy", setUpPolicy)
		}
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses changes that another site's page makes a browser send.
func (s *Server) sameOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.guard.Check(r) != nil {
			refuseAs(w, http.StatusForbidden, "This request comes from a page of another site and was not carried out.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// originGuard lets changes through that come from our own pages or from no page.
func (s *Server) originGuard() *http.CrossOriginProtection {
	guard := http.NewCrossOriginProtection()
	if public, err := url.Parse(s.PublicURL); err == nil && public.Host != "" {
		if err := guard.AddTrustedOrigin(public.Scheme + "://" + public.Host); err != nil {
			s.log.Warn("public address is not trusted as an origin", "url", s.PublicURL, "err", err)
		}
	}
	return guard
}

// recovering answers 500 when a handler panics, and keeps the server up.
func (s *Server) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			s.log.Error("handler panicked", "path", r.URL.Path, "err", cause, "stack", string(debug.Stack()))
			refuseAs(w, http.StatusInternalServerError, "Something inside Roost failed; its log says what.")
		}()
		next.ServeHTTP(w, r)
	})
}
