package web

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
)

// The web API of Pythings, for programs written for it (docs/protocols/pythings-web-api.md).

// legacyRoot is where it lives.
const legacyRoot = "/api/web/v1"

// What the API says of things and messages that the caller may not see, or that are not there.
const (
	noLegacyThing   = "Not existent Thing or no access rights"
	noLegacyMessage = "Not existent Message or no access rights"
	noLegacyApp     = "Not existent App or no access rights"
)

func (s *Server) legacyRoutes() {
	for path, call := range map[string]legacyCall{
		"/msg/worker/get":         s.legacyWorkerMessages,
		"/msg/management/new":     s.legacySend,
		"/msg/management/get":     s.legacyMessage,
		"/code_editor/uploadfile": s.legacyUpload,
	} {
		s.mux.HandleFunc(legacyRoot+path, s.legacy(call))
	}
}

// legacyCall answers one request of a caller who is known. An error is answered for it,
// unless it has begun to answer.
type legacyCall func(w http.ResponseWriter, r *http.Request, actor account.Actor, fields legacyFields) error

// legacyError is an answer that says why not.
type legacyError struct {
	status int
	detail string
}

func (e *legacyError) Error() string { return e.detail }

func refusal(status int, detail string) error { return &legacyError{status, detail} }

// legacy serves one call.
func (s *Server) legacy(call legacyCall) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			writeDetail(w, http.StatusMethodNotAllowed, `Method "`+r.Method+`" not allowed.`)
			return
		}
		actor, known, err := s.legacyCaller(r)
		var fields legacyFields
		if err == nil {
			fields, err = readFields(w, r)
		}
		if err == nil && !known {
			actor, err = s.legacyActor(r.Context(), fields)
		}
		if err == nil {
			err = call(w, r, actor, fields)
		}
		if err != nil {
			s.refuseLegacy(r.Context(), w, r.URL.Path, err)
		}
	}
}

// legacyCaller finds who a request comes from by its headers: cookie, token of ours, or
// Basic. known is false when they do not say.
func (s *Server) legacyCaller(r *http.Request) (actor account.Actor, known bool, err error) {
	c := callerOf(r.Context())
	shown := c.cookie != "" || c.token != ""
	if shown && c.err == nil && c.actor.ID != "" {
		return c.actor, true, nil
	}
	if c.token != "" {
		return actor, false, c.err
	}
	if c.err != nil && roost.KindOf(c.err) != roost.Unauthorized { // an old cookie is as none
		return actor, false, c.err
	}
	user, password, ok := r.BasicAuth()
	if !ok {
		return actor, false, nil
	}
	actor, err = s.Accounts.SignInAPI(r.Context(), user, password, c.remote)
	if roost.KindOf(err) == roost.Unauthorized {
		err = refusal(http.StatusForbidden, "Invalid username/password.")
	}
	return actor, err == nil, err
}

// legacyActor finds who a request comes from by its fields.
func (s *Server) legacyActor(ctx context.Context, f legacyFields) (account.Actor, error) {
	user, password, key := f.text("username"), f.text("password"), f.text("apikey")
	switch {
	case user != "" && password != "":
		actor, err := s.Accounts.SignInAPI(ctx, user, password, callerOf(ctx).remote)
		if roost.KindOf(err) == roost.Unauthorized {
			err = refusal(http.StatusUnauthorized, "Wrong username/password")
		}
		return actor, err
	case user != "":
		return account.Actor{}, refusal(http.StatusBadRequest, "Got empty password")
	case password != "":
		return account.Actor{}, refusal(http.StatusBadRequest, "Got empty username")
	case key != "":
		actor, err := s.Accounts.ByToken(ctx, key)
		if roost.KindOf(err) == roost.Unauthorized {
			err = refusal(http.StatusBadRequest, "Wrong API key")
		}
		return actor, err
	}
	return account.Actor{}, refusal(http.StatusUnauthorized, "This is a private API. Login or provide username/password or apikey")
}

// refuseLegacy answers with an error. Its status is 400 where Pythings knew no other.
func (s *Server) refuseLegacy(ctx context.Context, w http.ResponseWriter, act string, err error) {
	status, detail := s.legacyStatus(ctx, w, act, err)
	writeDetail(w, status, detail)
}

func (s *Server) legacyStatus(ctx context.Context, w http.ResponseWriter, act string, err error) (status int, detail string) {
	if told, ok := errors.AsType[*legacyError](err); ok {
		if told.status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="Roost"`)
		}
		return told.status, told.detail
	}
	if ctx.Err() == nil && roost.KindOf(err) == roost.Internal {
		s.log.Error("request failed", "act", act, "err", err)
	}
	if t, ok := errors.AsType[*account.Throttled](err); ok {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(t.Wait.Seconds()))))
	}
	switch kind := roost.KindOf(err); kind {
	case roost.Invalid, roost.Conflict, roost.NotFound:
		return http.StatusBadRequest, roost.Message(err)
	default:
		return statusOf[kind], roost.Message(err)
	}
}

// writeDetail answers {"detail":"…"}.
func writeDetail(w http.ResponseWriter, status int, detail string) {
	writeLegacy(w, status, struct {
		Detail string `json:"detail"`
	}{detail})
}

// writeLegacy answers v as compact JSON.
func writeLegacy(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // values of things are checked when they come in
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // the caller may be gone
}

// legacyProjects are those that an actor may name things of: what the pages show first.
func (s *Server) legacyProjects(actor account.Actor, right account.Right) []roost.ProjectID {
	var all []roost.ProjectID
	for _, p := range append([]roost.ProjectID{s.project}, actor.Projects()...) {
		if actor.Allowed(p, right) == nil && (len(all) == 0 || p != s.project) {
			all = append(all, p)
		}
	}
	return all
}
