//go:build !unix

package main

// onPowerCut does nothing: there is no signal for it here.
func onPowerCut(func()) (stop func()) { return func() {} }
