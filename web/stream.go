package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
	"github.com/roost-iot/roost/wire/websocket"
)

const (
	pingEvery  = 30 * time.Second
	deadAfter  = 75 * time.Second
	idleBuffer = 128 // bytes; a subscription to everything fits

	signedOut   = 4001 // close code: this stream may no longer be watched
	fellBehind  = 4008 // close code: come back with "after"
	unreadable  = 1003
	endPatience = 2 * time.Second // for the answer to a close frame
)

// stream makes the request a live stream. The handler ends at once; the stream
// lives on in a goroutine of its own.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	c := callerOf(r.Context())
	if err := c.may(s.project, account.View); err != nil {
		s.refuse(r.Context(), w, "stream", err)
		return
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Upgrade", "websocket")
		refuseAs(w, http.StatusUpgradeRequired, "This is a WebSocket; open it as one.")
		return
	}
	if c.token == "" && !s.ownPage(r) {
		refuseAs(w, http.StatusForbidden, "This stream is asked for by a page of another site.")
		return
	}
	if !s.hub.hasRoom() {
		refuseAs(w, http.StatusServiceUnavailable, "Too many live streams are open; try again later.")
		return
	}
	if !websocket.Check(w, r) {
		return
	}
	conn, err := websocket.Accept(w, r, websocket.Options{KeepBuffer: idleBuffer, Ping: pingEvery, Dead: deadAfter})
	if err != nil {
		s.log.Debug("stream not opened", "remote", r.RemoteAddr, "err", err)
		return
	}
	s.hub.admit(&watcher{hub: s.hub, conn: conn, project: s.project, still: func(ctx context.Context) error { return s.again(ctx, c) }})
}

// ownPage tells that no page of another origin opens the stream: browsers send
// cookies with a WebSocket wherever its page comes from.
func (s *Server) ownPage(r *http.Request) bool {
	asked := r.Clone(r.Context())
	asked.Method = http.MethodPost // the guard lets every GET through
	return s.guard.Check(asked) == nil
}

// streamOperation is the stream in the document, which knows no WebSockets.
func streamOperation() *huma.Operation {
	return &huma.Operation{
		Method: http.MethodGet, Path: apiRoot + "/stream", OperationID: "stream", Tags: []string{tagLive},
		Summary:     "Watch what happens (WebSocket)",
		Description: streamHelp,
		Security:    []map[string][]string{{"session": {}}, {"token": {}}},
		Extensions:  map[string]any{roleField: string(roost.Viewer)},
		Parameters: []*huma.Param{{
			Name: "access_token", In: "query", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "An API token, for those who cannot send a header.",
		}},
		Responses: map[string]*huma.Response{
			"101": {Description: "The stream is open."},
			"401": problemResponse("Unauthorized"), "403": problemResponse("Forbidden"),
			"426": problemResponse("Upgrade Required"), "503": problemResponse("Service Unavailable"),
		},
	}
}

func problemResponse(description string) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{
		"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/ErrorModel"}},
	}}
}

const streamHelp = "JSON text messages. Send `{\"subscribe\": {\"things\": [\"id\"], \"types\": [\"reading\", \"thing\", \"reset\", \"forgotten\", \"command\", \"app\", \"software\", \"message\", \"log\"]}, \"after\": seq}`; " +
	"`things`, `types` and `after` may be left out, and sending it again replaces the filter. " +
	"The answer is `{\"type\": \"hello\", \"seq\": n}`, or `resync` when what came after `after` is no longer held: fetch again. " +
	"Then events come, each with `type`, `seq`, `thing` and `at`: a `reading` with `resource`, `value`, `kind`, `number`, `unit`; a `thing` and a `command` with `data`; a `message` of a worker task with `id` and `value`; a line of the `log` of a thing with `level`, `text`, `detail`. `app` names an `app` that has changed, `software` a thing that runs something else or has said how it is: fetch again. " +
	"Who falls behind gets `{\"type\": \"cut\", \"reason\": \"slow\", \"seq\": last}` and close code 4008: come back with `after`. 4001 means that you were signed out."
