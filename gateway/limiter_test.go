package gateway_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/roost-iot/roost/gateway"
)

func TestLimiterLetsABurstPassAndThenOneAtATime(t *testing.T) {
	l := gateway.Limiter{Burst: 3, Every: time.Second}
	at := time.Unix(1_800_000_000, 0)
	passed := func(key string, n int) (passed int) {
		for range n {
			if l.Take(key, at) {
				passed++
			}
		}
		return passed
	}
	if n := passed("a", 5); n != 3 {
		t.Errorf("%d of a burst of 5 passed, want 3", n)
	}
	if n := passed("b", 1); n != 1 {
		t.Error("one key takes from another")
	}
	at = at.Add(time.Second)
	if n := passed("a", 5); n != 1 {
		t.Errorf("%d passed after a second, want 1", n)
	}
	at = at.Add(time.Hour)
	if n := passed("a", 5); n != 3 {
		t.Errorf("%d passed after an hour, want 3", n)
	}
	for i := range 100_000 { // of others; memory is bounded, nobody is kept out by it
		if !l.Take("other "+strconv.Itoa(i), at) {
			t.Fatalf("the first call of key %d did not pass", i)
		}
	}
}
