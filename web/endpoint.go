package web

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
)

// The chapters of the API.
const (
	tagSession  = "Session"
	tagThings   = "Things"
	tagReadings = "Readings"
	tagCommands = "Commands"
	tagApps     = "Apps"
	tagSource   = "Source"
	tagSoftware = "Software of things"
	tagPythings = "PythingsOS"
	tagBoards   = "Boards"
	tagAccount  = "Your account"
	tagPeople   = "People and tokens"
	tagKeys     = "Gateways and credentials"
	tagSystem   = "System"
	tagLive     = "Live"
)

// endpoint is one operation of the API.
type endpoint struct {
	method, path, id, tag string
	right                 account.Right // 0: anybody
	status                int           // of success; 0: 200
	errors                []int         // besides those that its shape brings with it
	most                  int64         // bytes of a request; 0: maxBody
	archive               bool          // it answers with a zip
	file                  bool          // it answers with a file
	checks                bool          // it is refused for what is wrong in files
	forms                 bool          // it takes {"files": …} as a form with files, too
	summary, detail       string
}

const (
	apiRoot = "/api/v2"
	maxBody = 1 << 20 // bytes of a request
	// maxSource is of one with all files of an app: release takes 1 MiB of them, and
	// JSON makes more of it.
	maxSource = 4 << 20

	bodyTimeout = 20 * time.Second // for a request to come in
	// archiveTimeout is for an archive to come in over a slow line.
	archiveTimeout = 2 * time.Minute
	actTimeout     = time.Minute // for a change to be made

	// roleField is where the document says who may call an operation.
	roleField = "x-role"
)

// newAPI makes the empty API on mux.
func newAPI(mux *http.ServeMux, version string) huma.API {
	c := huma.DefaultConfig("Roost", version)
	c.Info.Description = "A home for connected devices. Times are Unix milliseconds. Errors are problem details (RFC 9457) whose `detail` is a sentence for people."
	c.OpenAPIPath, c.DocsPath, c.SchemasPath = "", "", ""
	c.CreateHooks = nil // no $schema links in answers
	c.RejectUnknownQueryParameters = true
	c.Formats = map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat}
	c.Transformers = []huma.Transformer{spoken}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: CookieName, Description: "The cookie that signing in sets."},
		"token":   {Type: "http", Scheme: "bearer", BearerFormat: account.TokenPrefix + "…", Description: "An API token."},
	}
	for _, name := range []string{tagSession, tagThings, tagReadings, tagCommands, tagApps, tagSource, tagSoftware, tagPythings, tagBoards, tagAccount, tagPeople, tagKeys, tagSystem, tagLive} {
		c.Tags = append(c.Tags, &huma.Tag{Name: name})
	}
	c.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[thingBody](), reflect.TypeFor[Thing]())
	c.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[thingsBody](), reflect.TypeFor[Things]())
	c.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[resourcesBody](), reflect.TypeFor[Resources]())
	return humago.New(mux, c)
}

// appender is a body that writes its own JSON: the long ones, without reflection.
type appender interface{ appendJSON([]byte) []byte }

var jsonFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		text, err := marshal(v)
		if err == nil {
			_, _ = w.Write(text) // the caller may be gone, which is no fault
		}
		return err
	},
	Unmarshal: json.Unmarshal,
}

func marshal(v any) ([]byte, error) {
	if a, ok := v.(appender); ok {
		return append(a.appendJSON(nil), '\n'), nil
	}
	var b bytes.Buffer
	err := huma.DefaultJSONFormat.Marshal(&b, v)
	return b.Bytes(), err
}

// add makes e callable: rights first, then h, then the one mapping of errors.
func add[I, O any](s *Server, e endpoint, h func(context.Context, *I) (*O, error)) {
	op := s.operation(e)
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		acting := ctx
		if e.right > account.View { // begun is done and written down, even if the caller hangs up
			var stop context.CancelFunc
			acting, stop = context.WithTimeout(context.WithoutCancel(ctx), actTimeout)
			defer stop()
		}
		out, err := h(acting, in)
		if err != nil {
			return nil, s.problem(ctx, e.id, err)
		}
		return out, nil
	})
	if e.checks {
		op.Responses["422"] = s.refusalResponse()
	}
}

// operation is e as the document shows it.
func (s *Server) operation(e endpoint) huma.Operation {
	op := huma.Operation{
		Method: e.method, Path: apiRoot + e.path, OperationID: e.id, Tags: []string{e.tag},
		Summary: e.summary, Description: e.detail, DefaultStatus: e.status, MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
		Errors: slices.Clone(e.errors), Responses: map[string]*huma.Response{}, Extensions: map[string]any{roleField: "anybody"},
	}
	if e.most > 0 {
		op.MaxBodyBytes, op.BodyReadTimeout = e.most, archiveTimeout
	}
	if e.archive {
		op.Responses["200"] = archiveResponse()
	}
	if e.file {
		op.Responses["200"] = fileResponse()
	}
	if e.right != 0 {
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
		op.Security = []map[string][]string{{"session": {}}, {"token": {}}}
		op.Extensions[roleField] = string(roleFor(e.right))
		op.Middlewares = huma.Middlewares{s.require(e)}
	}
	if e.forms {
		op.Middlewares = append(op.Middlewares, s.formFiles(e.id))
		formOperation(&op)
	}
	if strings.Contains(e.path, "{") {
		op.Errors = append(op.Errors, http.StatusNotFound)
	}
	if e.method == "POST" || e.method == "PUT" || e.method == "PATCH" {
		op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	op.Errors = append(op.Errors, http.StatusUnprocessableEntity, http.StatusServiceUnavailable)
	return op
}

// require lets a request through whose caller has the right.
func (s *Server) require(e endpoint) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if err := callerOf(ctx.Context()).may(s.project, e.right); err != nil {
			_, w := humago.Unwrap(ctx)
			s.refuse(ctx.Context(), w, e.id, err)
			return
		}
		next(ctx)
	}
}

// roleFor is the least role that has a right.
func roleFor(r account.Right) roost.Role {
	switch r {
	case account.View:
		return roost.Viewer
	case account.Operate:
		return roost.Operator
	}
	return roost.Owner
}
