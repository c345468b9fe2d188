package web

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// A body of another type is the caller's fault, and no error of the server's in its log.
func TestABodyOfAnotherTypeIsNoFaultOfTheServer(t *testing.T) {
	var log bytes.Buffer
	s := &Server{log: slog.New(slog.NewTextHandler(&log, nil))}
	err := s.problem(t.Context(), "add-runtime", &wrongType{want: "Send the archive itself."})
	m, ok := errors.AsType[*huma.ErrorModel](err)
	if !ok || m.Status != http.StatusUnsupportedMediaType || m.Detail != "Send the archive itself." {
		t.Errorf("%#v", err)
	}
	if log.Len() > 0 {
		t.Errorf("logged: %s", log.String())
	}
}
