package main

import "testing"

// Boards that join go to the server that was named, --to or not.
func TestVirtualBoardsGoToTheServer(t *testing.T) {
	for want, s := range map[string]simMicroPython{
		"localhost:8080":         {},
		"http://roost.home:8081": {remote: remote{Server: "http://roost.home:8081/"}},
		"192.0.2.1:8082":         {remote: remote{Server: "http://roost.home:8081"}, To: "192.0.2.1:8082"},
	} {
		if got := s.to(); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}
