package mqtt

import (
	"strconv"
	"testing"

	"github.com/roost-iot/roost"
)

// TestEndsOfOthersCommandsAreNotKept: with a submission always under way, what ends
// meanwhile must not pile up.
func TestEndsOfOthersCommandsAreNotKept(t *testing.T) {
	var w watch
	w.init(New(Config{}))
	w.busy = 2
	for i := range maxAsked + 100 {
		w.ended(&roost.Command{ID: strconv.Itoa(i), State: roost.Done})
	}
	if n := len(w.early); n > maxAsked {
		t.Errorf("%d are kept", n)
	}
}
