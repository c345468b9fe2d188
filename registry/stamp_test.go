package registry_test

import (
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
)

func TestValuesOfOneMillisecondGetOneEach(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{}).Registry
	thing, _ := arrive(t, r, arrival("n1"))
	seen := map[int64]bool{}
	for range 50 { // many of them fall into one millisecond
		values := []roost.Resource{{Name: "count", Value: "1"}, {Name: "other", Value: "1"}, {Name: "count", Value: "2"}}
		kept, err := r.Admit(thing.Ref, values)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Report(thing.Ref, kept); err != nil {
			t.Fatal(err)
		}
		for _, v := range kept {
			if v.Name != "count" {
				continue
			}
			if ms := v.At.UnixMilli(); seen[ms] {
				t.Fatalf("two values at %d", ms)
			} else {
				seen[ms] = true
			}
			if ahead := time.Until(v.At); ahead > time.Second+time.Millisecond {
				t.Fatalf("stamps are %v ahead of the clock", ahead)
			}
		}
	}
	if len(seen) != 100 {
		t.Errorf("%d stamps", len(seen))
	}
}

func TestTimesThatThingsGiveStay(t *testing.T) {
	r := roomtest.Open(t, roomtest.Config{}).Registry
	thing, _ := arrive(t, r, arrival("n1"))
	at := time.UnixMilli(time.Now().UnixMilli() - 5000)
	kept, err := r.Admit(thing.Ref, []roost.Resource{{Name: "a", Value: "1", At: at}, {Name: "a", Value: "2", At: at}})
	if err != nil || !kept[0].At.Equal(at) || !kept[1].At.Equal(at) {
		t.Errorf("%v, %v", kept, err)
	}
}
