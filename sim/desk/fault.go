package desk

import (
	"net/http"
	"net/http/httptest"

	"github.com/roost-iot/roost/wire/agent"
)

// misbehave answers as a fault says.
func (s *Server) misbehave(w http.ResponseWriter, r *http.Request, body []byte, f Fault) {
	if f.Delay > 0 {
		wait(r.Context(), s.config.Clock, f.Delay, nil)
	}
	if f.Status != 0 && f.Body == nil {
		refuse(w, f.Status, agent.StateLater, "This is a fault on purpose.")
		return
	}
	right := httptest.NewRecorder()
	if f.Body != nil {
		write(right, max(f.Status, http.StatusOK), f.Body)
	} else {
		s.answer(right, r, body)
	}
	if f.Lost || f.Cut < 0 {
		panic(http.ErrAbortHandler)
	}
	if f.Cut > 0 {
		cut(w, r, f.Cut)
	}
	b := right.Body.Bytes()
	if f.Forge && len(b) > 0 {
		b[len(b)/2] ^= 1
	}
	for name, values := range right.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(right.Code)
	_, _ = w.Write(b)
}

// cut ends the connection after n bytes of the answer.
func cut(w http.ResponseWriter, r *http.Request, n int) {
	if c, ok := r.Context().Value(wireKey{}).(*wire); ok {
		c.cut.Store(int64(n))
		return
	}
	panic(http.ErrAbortHandler) // by loopback it ends before the answer
}
