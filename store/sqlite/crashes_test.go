package sqlite

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

func TestCrashesOfOneTimeAreBoundedToo(t *testing.T) {
	s := openNew(t, Config{})
	c := roost.Crash{Ref: roost.Ref{Project: roost.Home, Thing: "board"}, Version: "1", Part: "app", Error: "E", Text: "E", At: time.UnixMilli(1)}
	var all sync.WaitGroup
	for part := range 10 {
		all.Go(func() {
			for i := range mostCrashes/10 + 1 {
				if err := s.SaveCrash(t.Context(), fmt.Sprintf("%d-%d", part, i), c, roost.Agent{Ref: c.Ref}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	groups, err := s.Crashes(t.Context(), roost.Home, "", "", false, 0)
	if err != nil || len(groups) != mostCrashes {
		t.Errorf("%d groups are kept, of %d: %v", len(groups), mostCrashes, err)
	}
	groups, err = s.Crashes(t.Context(), roost.Home, "", "board", false, 0)
	if err != nil || len(groups) != mostCrashes {
		t.Errorf("%d of the thing: %v", len(groups), err)
	}
}
