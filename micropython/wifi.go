package micropython

import (
	"context"
	"sync"
)

// WiFi is the air around boards: networks that come and go. It is safe for
// concurrent use.
type WiFi struct {
	mu       sync.Mutex
	networks map[string]string // name to password
	boards   map[*Board]*station
}

// NewWiFi gives networks by name, each with its password; "" is an open one.
func NewWiFi(networks map[string]string) *WiFi {
	w := &WiFi{networks: map[string]string{}, boards: map[*Board]*station{}}
	for name, password := range networks {
		w.networks[name] = password
	}
	return w
}

// Set puts a network there, or changes its password: boards that know another
// one lose it.
func (w *WiFi) Set(name, password string) {
	w.change(func() { w.networks[name] = password })
}

// Drop takes a network away, with the connections of all boards on it. They
// find it again when Set puts it back.
func (w *WiFi) Drop(name string) {
	w.change(func() { delete(w.networks, name) })
}

func (w *WiFi) change(do func()) {
	w.mu.Lock()
	do()
	lost := map[*sockets]bool{} // and whether the board has an access point
	for _, s := range w.boards {
		if s.was && w.status(s) != statusGotIP {
			s.was = false
			lost[s.sockets] = s.point
		}
	}
	w.mu.Unlock()
	for s, point := range lost {
		s.abort(point)
	}
}

// watch tells a board's sockets of lost networks until the function it gives is called.
func (w *WiFi) watch(b *Board) (stop func()) {
	b.station.sockets = b.sockets
	if w == nil {
		return func() {}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.boards[b] = &b.station
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.boards, b)
	}
}

// station is a board's Wi-Fi, guarded by WiFi.mu if there is one.
type station struct {
	sockets        *sockets
	active, asked  bool
	name, password string
	point          bool   // its access point is on
	ssid, key      string // of that
	was            bool   // it was connected when last asked
}

// What WLAN.status() tells, with the numbers of an ESP32.
const (
	statusIdle          = 1000
	statusGotIP         = 1010
	statusNoNetwork     = 201
	statusWrongPassword = 202
)

// status is asked with w.mu held.
func (w *WiFi) status(s *station) int {
	if !s.active || !s.asked {
		return statusIdle
	}
	if w == nil {
		return statusGotIP
	}
	password, there := w.networks[s.name]
	switch {
	case !there:
		return statusNoNetwork
	case password != "" && password != s.password:
		return statusWrongPassword
	}
	return statusGotIP
}

// with does something with the board's station.
func (w *WiFi) with(b *Board, do func(s *station) any) any {
	if w != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
	}
	return do(&b.station)
}

// online tells whether the board can reach anything. Without a WiFi it always
// can, as over a cable.
func (b *Board) online() bool {
	w := b.config.WiFi
	return w == nil || w.with(b, func(s *station) any {
		s.was = w.status(s) == statusGotIP
		return s.point || s.was
	}).(bool)
}

// AccessPoint is the network that the board itself has opened, as a phone sees it: its
// name and its password, "" for an open one. Not on: there is none. Only a board with a
// WiFi tells.
func (b *Board) AccessPoint() (name, password string, on bool) {
	w := b.config.WiFi
	if w == nil {
		return "", "", false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.boards[b] // nil while it is off
	if s == nil || !s.point {
		return "", "", false
	}
	return s.ssid, s.key, true
}

// functions are what network.py asks for.
func (w *WiFi) functions(b *Board) map[string]Func {
	functions := map[string]Func{}
	for name, do := range map[string]func(s *station, args []any) any{
		"wifi_status": func(s *station, _ []any) any {
			status := w.status(s)
			s.was = status == statusGotIP
			return status
		},
		"wifi_active": func(s *station, args []any) any { // (access point, on or None)
			flag := &s.active
			if number(args, 0) != 0 {
				flag = &s.point
			}
			if args[1] != nil {
				*flag = number(args, 1) != 0
			}
			return *flag
		},
		"wifi_connect": func(s *station, args []any) any {
			s.name, _ = args[0].(string)
			s.password, _ = args[1].(string)
			s.asked = true
			return nil
		},
		"wifi_point": func(s *station, args []any) any { // (name, password)
			s.ssid, _ = args[0].(string)
			s.key, _ = args[1].(string)
			return nil
		},
		"wifi_scan": func(*station, []any) any { return w.scan() },
	} {
		functions[name] = func(_ context.Context, args []any) (any, error) {
			return w.with(b, func(s *station) any { return do(s, args) }), nil
		}
	}
	functions["wifi_disconnect"] = func(context.Context, []any) (any, error) {
		point := w.with(b, func(s *station) any {
			s.asked, s.was = false, false
			return s.point
		}).(bool)
		b.sockets.abort(point)
		return nil, nil
	}
	return functions
}

// scan lists names and whether each has a password, a line each.
func (w *WiFi) scan() string {
	if w == nil {
		return ""
	}
	list := ""
	for name, password := range w.networks {
		kind := "3" // WPA2
		if password == "" {
			kind = "0"
		}
		list += kind + name + "\n"
	}
	return list
}
