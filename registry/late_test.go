package registry_test

import (
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
)

func TestLateValueDoesNotReplaceANewerOne(t *testing.T) {
	rooms := roomtest.Open(t, roomtest.Config{})
	r := rooms.Registry
	arrive(t, r, arrival("n1"))
	now := time.Now()
	say := func(text string, at time.Time) roost.Value {
		t.Helper()
		if err := r.Report(ref("n1"), []roost.Resource{{Name: "led", Value: roost.Text(text), At: at}}); err != nil {
			t.Fatal(err)
		}
		_, rs, _ := r.Get(ref("n1"))
		return rs[0].Value
	}
	for _, step := range []struct {
		text string
		at   time.Time
		want roost.Value
	}{
		{"hour", now.Add(-time.Hour), `"hour"`},
		{"now", now, `"now"`},
		{"kept", now.Add(-time.Minute), `"now"`},
		{"same time", now, `"same time"`},
		{"ahead", now.Add(time.Hour), `"ahead"`},
		{"clock set back", now, `"clock set back"`},
	} {
		if got := say(step.text, step.at); got != step.want {
			t.Errorf("after %s stands %s", step.text, got)
		}
	}
}
