package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
	"github.com/roost-iot/roost/release"
)

// statusOf is how each kind of error is said in HTTP.
var statusOf = map[roost.ErrorKind]int{
	roost.Internal:     http.StatusInternalServerError,
	roost.Invalid:      http.StatusUnprocessableEntity,
	roost.NotFound:     http.StatusNotFound,
	roost.Conflict:     http.StatusConflict,
	roost.Denied:       http.StatusForbidden,
	roost.Unauthorized: http.StatusUnauthorized,
	roost.Unavailable:  http.StatusServiceUnavailable,
	roost.TooLarge:     http.StatusRequestEntityTooLarge,
	roost.TooMany:      http.StatusTooManyRequests,
}

// problem turns the error of a room into problem details (RFC 9457). Its cause
// goes to the log, never to the caller.
func (s *Server) problem(ctx context.Context, act string, err error) error {
	if ctx.Err() != nil { // nobody is there to read the answer
		err = roost.Because(roost.Unavailable, err, "The request was given up.")
	}
	if t, ok := errors.AsType[*wrongType](err); ok {
		return &huma.ErrorModel{Status: http.StatusUnsupportedMediaType, Title: http.StatusText(http.StatusUnsupportedMediaType), Detail: t.want}
	}
	kind := roost.KindOf(err)
	switch {
	case kind == roost.Internal:
		s.log.Error("request failed", "act", act, "err", err)
	case kind == roost.Unavailable && ctx.Err() == nil:
		s.log.Warn("request refused", "act", act, "err", err)
	}
	if c, ok := errors.AsType[*release.CheckError](err); ok {
		return newRefusal(c)
	}
	p := &huma.ErrorModel{Status: statusOf[kind], Title: http.StatusText(statusOf[kind]), Detail: roost.Message(err)}
	header := http.Header{}
	if t, ok := errors.AsType[*account.Throttled](err); ok {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(t.Wait.Seconds()))))
	}
	if kind == roost.Unauthorized {
		header.Set("WWW-Authenticate", `Bearer realm="Roost"`)
	}
	return huma.ErrorWithHeaders(p, header)
}

// refuse answers with the problem outside of an operation.
func (s *Server) refuse(ctx context.Context, w http.ResponseWriter, act string, err error) {
	p := s.problem(ctx, act, err)
	if h, ok := errors.AsType[huma.HeadersError](p); ok {
		for k, v := range h.GetHeaders() {
			w.Header()[k] = v
		}
	}
	m, _ := errors.AsType[*huma.ErrorModel](p)
	writeProblem(w, m)
}

// refuseAs answers with a status that no error kind stands for.
func refuseAs(w http.ResponseWriter, status int, detail string) {
	writeProblem(w, &huma.ErrorModel{Status: status, Title: http.StatusText(status), Detail: detail})
}

func writeProblem(w http.ResponseWriter, p *huma.ErrorModel) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the caller may be gone
}

// spoken puts what huma says of a bad request into sentences that name the field.
// It is a huma.Transformer: every answer passes here.
func spoken(ctx huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	switch {
	case p.Status == http.StatusRequestEntityTooLarge && strings.HasPrefix(p.Detail, "request body"):
		p.Detail = fmt.Sprintf("The request is larger than %d MiB.", ctx.Operation().MaxBodyBytes>>20)
	case p.Status == http.StatusRequestTimeout:
		p.Detail = "The request came too slowly; try again."
	case p.Status == http.StatusUnsupportedMediaType && len(p.Errors) > 0:
		p.Detail, p.Errors = "Send the request as JSON, with Content-Type: application/json.", nil
	case p.Detail == "request body is required" && ctx.Operation().RequestBody.Content[zipType] != nil:
		p.Detail = "This request needs a zip archive as its body."
	case p.Detail == "request body is required" && ctx.Operation().RequestBody.Content[fileType] != nil:
		p.Detail = "This request needs the file itself as its body."
	case p.Detail == "request body is required":
		p.Detail = "This request needs a JSON body."
	case len(p.Errors) > 0:
		said := make([]*huma.ErrorDetail, len(p.Errors))
		for i, e := range p.Errors {
			said[i] = speak(e)
		}
		p.Errors, p.Detail = said, said[0].Message
	}
	return p, nil
}

// speak says one fault as a sentence.
func speak(e *huma.ErrorDetail) *huma.ErrorDetail {
	_, field, _ := strings.Cut(e.Location, ".")
	missing, isMissing := strings.CutPrefix(e.Message, "expected required property ")
	out := &huma.ErrorDetail{Location: e.Location, Value: e.Value}
	switch {
	case isMissing:
		out.Message = fmt.Sprintf("%q is missing.", strings.TrimSuffix(missing, " to be present"))
	case strings.HasSuffix(e.Message, "parameter is missing"):
		out.Message = fmt.Sprintf("%q is missing.", field)
	case e.Message == "unexpected property":
		out.Message = fmt.Sprintf("%q is not a field of this request.", field)
	case e.Message == "unknown query parameter":
		out.Message = fmt.Sprintf("%q is not a parameter of this request.", field)
	case field == "":
		out.Message = "The body is not the JSON that is expected: " + e.Message + "."
	default:
		out.Message = fmt.Sprintf("%q is not right: %s.", field, plain(e.Message))
	}
	if field == "" || isMissing || secret(e.Location) {
		out.Value = nil // whole bodies and secrets are not repeated
	}
	return out
}

// plain says what a schema asks for in words.
func plain(message string) string {
	for _, w := range []struct{ asked, word, one, many string }{
		{"expected length <= ", "at most ", " character", " characters"},
		{"expected length >= ", "at least ", " character", " characters"},
		{"expected array length <= ", "at most ", " entry", " entries"},
		{"expected array length >= ", "at least ", " entry", " entries"},
		{"expected number <= ", "at most ", "", ""},
		{"expected number >= ", "at least ", "", ""},
		{"expected value to be ", "it must be ", "", ""},
	} {
		limit, ok := strings.CutPrefix(message, w.asked)
		if !ok {
			continue
		}
		if limit == "1" {
			return w.word + limit + w.one
		}
		return w.word + limit + w.many
	}
	return message
}

func secret(location string) bool {
	for _, word := range []string{"password", "current", "token"} {
		if strings.Contains(location, word) {
			return true
		}
	}
	return false
}

// unknown answers what no route under /api takes: 405 where another method
// would do, else 404.
func (s *Server) unknown(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); pattern != "/api/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		refuseAs(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s is not possible here; %s is.", r.Method, strings.Join(allowed, ", ")))
		return
	}
	refuseAs(w, http.StatusNotFound, "There is nothing at this address; /docs lists what there is.")
}
