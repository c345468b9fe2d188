package web

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
)

// caller is who sent a request, and how.
type caller struct {
	actor  account.Actor // nobody when err is set
	err    error         // why a credential that was shown does not count
	cookie string        // the secret of the session, if by one
	token  string        // the secret of the token, if by one
	remote string
	secure bool   // over TLS, our own or the proxy's in front
	base   string // the address of the server as the caller has it
}

// may tells whether c has a right.
func (c *caller) may(p roost.ProjectID, r account.Right) error {
	if c.err != nil {
		return c.err
	}
	return c.actor.Allowed(p, r)
}

type callerKey struct{}

// callerOf gives who sent the request of ctx.
func callerOf(ctx context.Context) *caller {
	c, _ := ctx.Value(callerKey{}).(*caller)
	if c == nil {
		return &caller{}
	}
	return c
}

// CookieName is the cookie by which a browser shows its session.
const CookieName = "roost_session"

// authenticated is the one place that finds out who a request comes from. What
// they may do is decided by each operation.
func (s *Server) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/") && r.URL.Path != "/metrics" {
			next.ServeHTTP(w, r)
			return
		}
		c := &caller{remote: s.remote(r), secure: s.overTLS(r)}
		c.base = s.baseURL(r, c.secure)
		c.actor, c.err = s.identify(r, c)
		if c.err == nil && c.actor.ID != "" {
			w.Header().Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
	})
}

// identify looks at the token, then at the cookie. The live stream alone takes a
// token in its address too, because a page cannot give a WebSocket a header.
func (s *Server) identify(r *http.Request, c *caller) (account.Actor, error) {
	bearer, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !isBearer && r.URL.Path == apiRoot+"/stream" {
		bearer = r.URL.Query().Get("access_token")
		isBearer = bearer != ""
	}
	if isBearer {
		c.token = strings.TrimSpace(bearer)
		return s.Accounts.ByToken(r.Context(), c.token)
	}
	cookie, err := r.Cookie(CookieName)
	if err != nil || cookie.Value == "" {
		return s.anybody(), nil
	}
	actor, err := s.Accounts.BySession(r.Context(), cookie.Value)
	if s.Public != "" && roost.KindOf(err) == roost.Unauthorized {
		return s.anybody(), nil // as if it had not been shown
	}
	c.cookie = cookie.Value
	return actor, err
}

// anybody is who a caller is that shows nothing: nobody, or the public.
func (s *Server) anybody() account.Actor {
	if s.Public == "" {
		return account.Actor{}
	}
	return account.Public(s.project, s.Public)
}

// remote is where a request comes from. Behind a proxy all would come from one
// address, and one who guesses passwords would keep everybody out: what a proxy near
// by adds last to X-Forwarded-For counts, when the public address says that there is one.
func (s *Server) remote(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if at := peer.Addr().Unmap(); err != nil || s.PublicURL == "" || !at.IsLoopback() && !at.IsPrivate() {
		return r.RemoteAddr
	}
	passed := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	last := strings.TrimSpace(passed[strings.LastIndexByte(passed, ',')+1:])
	if from, err := netip.ParseAddr(last); err == nil {
		return from.String()
	}
	return r.RemoteAddr
}

// overTLS tells whether the browser came by https: to us, or to the proxy that
// stands at the public address.
func (s *Server) overTLS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	public, err := url.Parse(s.PublicURL)
	return err == nil && public.Scheme == "https" && public.Host == r.Host
}

// baseURL is where the server is reached: by everybody, if that is known, or else
// by this request.
func (s *Server) baseURL(r *http.Request, secure bool) string {
	switch {
	case s.PublicURL != "":
		return strings.TrimSuffix(s.PublicURL, "/")
	case secure:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// again asks the rooms once more whether c may watch; for streams, which live long.
func (s *Server) again(ctx context.Context, c *caller) error {
	var actor account.Actor
	var err error
	switch {
	case c.token != "":
		actor, err = s.Accounts.ByToken(ctx, c.token)
	case c.cookie != "":
		actor, err = s.Accounts.BySession(ctx, c.cookie)
	default:
		actor = s.anybody()
	}
	if err != nil {
		return err
	}
	return actor.Allowed(s.project, account.View)
}

// audit writes down what the caller changed.
func (s *Server) audit(ctx context.Context, act, object, detail string) error {
	return s.Accounts.Audit(ctx, callerOf(ctx).actor, s.project, act, object, detail)
}
