package leaktest

import (
	"testing"
	"time"
)

func TestLeftBehindIsToldAndLateIsNot(t *testing.T) {
	end := make(chan struct{})
	go func() { <-end }()
	if err := left(0); err == nil {
		t.Error("a goroutine that waits was not seen")
	}
	slow := time.AfterFunc(2*time.Second, func() { close(end) }) // longer than one look takes
	defer slow.Stop()
	if err := left(patience); err != nil {
		t.Errorf("one that ends late is told: %v", err)
	}
}
