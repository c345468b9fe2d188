package desk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"strings"
	"sync"

	"github.com/roost-iot/roost/device"
	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/wire/agent"
)

// SSID and Password are the Wi-Fi that boards know unless their configuration says otherwise.
const (
	SSID     = "desk"
	Password = "on the desk"
)

// BoardConfig is what a Board is made of. Server or URL must be given.
type BoardConfig struct {
	Server *Server // in memory; the board is enrolled there unless Joins
	URL    string  // in place of Server: a Roost that Dial reaches, http://HOST:PORT
	Joins  bool    // the board has no key and joins

	ID      string    // "": the server makes one, or "board-" and the MAC
	Key     agent.Key // the zero key: one is drawn
	MAC     string    // 12 hex digits; "": 28cdc1 and three bytes of the id
	Profile string    // "full" (the default) or "lean"

	Runtime  map[string]string  // the files of the runtime by path; nil: device.Files of the profile
	Files    map[string]string  // more files, over those; by path
	App      map[string]string  // an app that it has from the start; by name
	Settings map[string]any     // in settings.json, beside server
	Flash    *micropython.Flash // one that is as it is: nothing is put on it

	// ROM makes it an ESP8266, on which the lean runtime lies there, and not on the flash:
	// that is put into one without an image, unless Runtime says what the board has.
	// Limit has programs that hold more than its heap fail for want of memory.
	ROM   *micropython.ROM
	Limit bool

	Clock  *micropython.Clock // that of Server, if there is one
	WiFi   *micropython.WiFi  // nil: a network SSID with Password
	ADC    func(pin int) int  // nil: what SetADC says, else daylight
	Print  func(text string)  // what it prints, beside Console
	Heap   int                // as in micropython.BoardConfig
	Memory int

	// Network is what else is in reach, by TCP; nil: nothing. It has the form of
	// net.Dialer's DialContext. What the board itself listens on, Client reaches.
	Network func(ctx context.Context, network, address string) (net.Conn, error)
}

// Board is a virtual board with Roost's runtime on it. It is switched off until Start.
type Board struct {
	config BoardConfig
	board  *micropython.Board
	thing  *Thing
	front  *listener // of its own web server

	mu      sync.Mutex
	console console
	adc     map[int]int
	stop    context.CancelFunc // nil while it is off
	off     chan struct{}      // closed when it is off
	ended   error              // why
}

// ErrNoBoard: neither Server nor URL is given, or something else is amiss.
var ErrNoBoard = errors.New("this is no board")

// NewBoard puts the runtime on a flash. micropython.ErrUnavailable without MicroPython in the build.
func NewBoard(c BoardConfig) (*Board, error) {
	if (c.Server == nil) == (c.URL == "") {
		return nil, fmt.Errorf("%w: it needs a server or an address", ErrNoBoard)
	}
	b := &Board{config: c, adc: map[int]int{}, front: newListener()}
	if err := b.identify(); err != nil {
		return nil, err
	}
	if b.config.Flash == nil {
		if err := b.furnish(); err != nil {
			return nil, err
		}
	}
	var err error
	b.board, err = micropython.NewBoard(b.hardware())
	return b, err
}

// identify gives the board its id and key, and the server a thing.
func (b *Board) identify() error {
	c := &b.config
	if c.ROM != nil {
		c.Profile = "lean"
	}
	c.Profile = cmp.Or(c.Profile, "full")
	if c.Server != nil {
		c.Clock = c.Server.config.Clock
	}
	if c.Flash != nil {
		c.ID, c.Key = identity(c.Flash, c.ID, c.Key)
	}
	if c.Key == (agent.Key{}) {
		c.Key = agent.NewKey()
	}
	if c.Server != nil && !c.Joins {
		if b.thing = c.Server.Thing(c.ID); b.thing == nil {
			b.thing = c.Server.Enrol(c.ID, c.Key)
		}
		c.ID, c.Key = b.thing.ID, b.thing.Key()
	}
	c.MAC = cmp.Or(c.MAC, macOf(cmp.Or(c.ID, c.Key.String())))
	if len(c.MAC) != 12 || strings.Trim(c.MAC, "0123456789abcdef") != "" {
		return fmt.Errorf("%w: a MAC is 12 hex digits", ErrNoBoard)
	}
	c.ID = cmp.Or(c.ID, "board-"+c.MAC)
	return nil
}

// identity reads id and key off a flash that is in use.
func identity(f *micropython.Flash, id string, key agent.Key) (string, agent.Key) {
	text, _ := f.ReadFile("/_s/key")
	var own struct{ ID, Key string }
	if json.Unmarshal(text, &own) == nil {
		if k, err := agent.ParseKey(own.Key); err == nil {
			return own.ID, k
		}
	}
	return id, key
}

// macOf makes a MAC of an id, the same each time.
func macOf(id string) string {
	sum := agent.FileOf([]byte(id)).SHA256
	return "28cdc1" + sum[:6]
}

// furnish makes a flash as an installer leaves it.
func (b *Board) furnish() error {
	c := &b.config
	files := maps.Clone(c.Runtime)
	if files == nil {
		var err error
		if files, err = device.Files(c.Profile); err != nil {
			return fmt.Errorf("read the runtime: %w", err)
		}
		if c.ROM != nil {
			besideROM(files)
			if err := loadROM(c.ROM); err != nil {
				return err
			}
		}
	}
	settings := map[string]any{"server": cmp.Or(c.URL, URL)}
	maps.Copy(settings, c.Settings)
	for name, v := range map[string]any{
		"settings.json": settings,
		"wifi.json":     []map[string]string{{"ssid": SSID, "password": Password}},
		"_s/key":        map[string]string{"id": c.ID, "key": c.Key.String()},
	} {
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		files[name] = string(text)
	}
	files["_s/profile"] = c.Profile
	if c.Joins {
		delete(files, "_s/key")
	}
	if c.App != nil {
		files["_s/app"] = `{"run":"_p","ver":"1","prev":"","pver":"","bad":[],"n":0}`
		for name, text := range c.App {
			files["_p/"+name] = text
		}
	}
	maps.Copy(files, c.Files)
	c.Flash = micropython.NewFlash(files)
	if c.ROM != nil {
		c.Flash.Size = ROMFlash
	}
	return nil
}

// hardware is the board below the runtime.
func (b *Board) hardware() micropython.BoardConfig {
	c := b.config
	if c.WiFi == nil {
		c.WiFi = micropython.NewWiFi(map[string]string{SSID: Password})
	}
	return micropython.BoardConfig{
		Flash: c.Flash, ROM: c.ROM, Memory: c.Memory, Heap: c.Heap, Limit: c.Limit, Clock: c.Clock, WiFi: c.WiFi, ID: c.MAC,
		Dial: b.dial, Listen: b.listen, Print: b.print, ADC: b.readADC,
	}
}

// dial reaches the server and what else the configuration allows.
func (b *Board) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	if b.config.Server != nil && host == Host {
		return b.config.Server.Dial(ctx, network, address)
	}
	if b.config.URL != "" {
		if to, err := url.Parse(b.config.URL); err == nil && host == to.Hostname() {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}
	}
	if b.config.Network == nil {
		return nil, micropython.Errno(113)
	}
	return b.config.Network(ctx, network, address)
}

// listen is the board's own web server, in memory.
func (b *Board) listen(context.Context, string, string) (net.Listener, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.front.Close()
	b.front = newListener()
	return b.front, nil
}

// Thing is what the Server knows of the board; nil without a Server, and until it has joined.
func (b *Board) Thing() *Thing {
	if b.thing == nil && b.config.Server != nil {
		return b.config.Server.Thing("roost-" + b.config.MAC)
	}
	return b.thing
}

// ID is the board's, by which the server knows it; one that joins gets another there.
func (b *Board) ID() string { return b.config.ID }

// Key is what the board shares with the server; one that joins gets another.
func (b *Board) Key() agent.Key { return b.config.Key }

// MAC is its address, 12 hex digits.
func (b *Board) MAC() string { return b.config.MAC }

// Flash is its file system, which may be looked into at any time.
func (b *Board) Flash() *micropython.Flash { return b.config.Flash }

// ROM is its partition for the runtime, which may be looked into at any time; nil: it has none.
func (b *Board) ROM() *micropython.ROM { return b.config.ROM }
