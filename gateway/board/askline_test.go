package board_test

import (
	"net/http"
	"testing"

	"github.com/roost-iot/roost"
)

// One asks a board that says nothing, four wait for their turn, and all others are told
// so at once.
func TestFewWaitForASilentBoard(t *testing.T) {
	h, w := askedHouse(t, nil)
	speak := make(chan struct{})
	t.Cleanup(func() {
		select {
		case <-speak:
		default:
			close(speak)
		}
	})
	w.answers("GET /status", func(to http.ResponseWriter, _ *http.Request) {
		<-speak
		_, _ = to.Write([]byte(`{"device_id":"` + string(id) + `"}`))
	})
	const all, let = 40, 5
	over := make(chan error, all)
	for range all {
		go func() {
			_, err := h.door.Status(t.Context(), ref)
			over <- err
		}()
	}
	for range all - let {
		says(t, <-over, roost.Unavailable, "is being asked already, and 4 wait for it; try again")
	}
	close(speak)
	for range let {
		if err := <-over; err != nil {
			t.Error(err)
		}
	}
	if _, err := h.door.Status(t.Context(), ref); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
