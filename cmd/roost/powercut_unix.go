//go:build unix

package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// onPowerCut calls cut at each SIGUSR1, until the function it gives is called.
func onPowerCut(cut func()) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	done := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		for {
			select {
			case <-signals:
				cut()
			case <-done:
				return
			}
		}
	})
	return func() {
		signal.Stop(signals)
		close(done)
		waiting.Wait()
	}
}
