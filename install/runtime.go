package install

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// moreHelpers are what Roost's own runtime takes beside helpers.
//
//go:embed runtime.py
var moreHelpers string

// Runtime is Roost's own runtime, and what one board must know. What is empty stays
// on the board as it is.
type Runtime struct {
	Files   Files  // boot.py, main.py, and what lies below _f unless it is in the image
	Image   []byte // what goes into the first part of the board's partition; nil: nothing
	Profile string
	// Afresh makes the board forget all that it had of the runtime: id, settings,
	// networks, app.
	Afresh     bool
	ID, Key    string // Key is 64 hexadecimal digits
	APPassword string // of the network that it opens for its set-up
	Owner      string // the release key, 64 hexadecimal digits
	Settings   map[string]any
	Network    *Network // to be tried first
}

// Network is one that a board joins.
type Network struct {
	SSID     string `json:"ssid"`
	Password string `json:"password"`
}

// Check finds what no board could join.
func (n Network) Check() error {
	switch size := len(n.Password); {
	case n.SSID == "" || len(n.SSID) > 32:
		return errors.New("a Wi-Fi network's name has 1 to 32 bytes")
	case size > 0 && size < 8 || size > 64:
		return errors.New("a Wi-Fi password has 8 to 63 characters")
	}
	return nil
}

// Present is what a board has of the runtime.
type Present struct {
	ID         string // "": it is not one of ours
	Server     string
	Settings   map[string]any
	Networks   []Network // newest first
	APPassword string
	Slot       string // of the runtime that runs: _a, _b, or "" for the factory's
}

// Details are what the runtime wants to know of a board beside About.
type Details struct {
	MPY   int    // version of bytecode that it takes; 0: none
	Flash int64  // bytes; 0: it does not tell
	UID   string // 12 hexadecimal digits, "" if it has none
	ROM   int64  // bytes of a partition for a read-only file system, of an ESP8266; 0: none
	// Watched: a watchdog runs, which nothing but a reset of the chip ends. It is fed while
	// this package works.
	Watched bool
}

// AP is the name of the network that the runtime opens on it for its set-up.
func (d Details) AP() string {
	return "Roost-" + strings.ToUpper(d.UID[max(0, len(d.UID)-4):])
}

// Details asks the board for them. It must be asked before all else of the runtime.
func (b *Board) Details(ctx context.Context) (d Details, err error) {
	if _, err := b.exec(ctx, moreHelpers); err != nil {
		return d, fmt.Errorf("prepare the board: %w", err)
	}
	v, err := b.call(ctx, 4, "_more()")
	if err != nil {
		return d, fmt.Errorf("ask what board it is: %w", err)
	}
	if d.MPY, err = strconv.Atoi(v[0]); err != nil {
		return d, oddAnswer("_more()", v)
	}
	if d.Flash, err = strconv.ParseInt(v[1], 10, 64); err != nil {
		return d, oddAnswer("_more()", v)
	}
	d.UID, d.Watched = v[2], v[3] == "1"
	if b.about.Platform == esp8266 {
		b.rom, err = b.askROM(ctx)
		d.ROM = b.rom
	}
	return d, err
}

// cat gives the first bytes of a file, at most so many; false if it is not there.
func (b *Board) cat(ctx context.Context, name string, most int) ([]byte, bool, error) {
	v, err := b.call(ctx, 1, fmt.Sprintf("_cat(%s, %d)", quote(name), most))
	if err != nil {
		return nil, false, fmt.Errorf("read %s: %w", name, err)
	}
	if v[0] == "-" {
		return nil, false, nil
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(v[0], "+"))
	if err != nil {
		return nil, false, oddAnswer("_cat", v)
	}
	return raw, true, nil
}

// mostJSON is more than one of the runtime's small files has, bytes.
const mostJSON = 4096

// json reads one of them; what cannot be read is as nothing.
func (b *Board) json(ctx context.Context, name string, into any) error {
	raw, there, err := b.cat(ctx, name, mostJSON)
	if err == nil && there {
		_ = json.Unmarshal(raw, into) // the runtime takes it for nothing, too
	}
	return err
}

// HasRuntime tells whether the board has the runtime.
func (b *Board) HasRuntime(ctx context.Context) (bool, error) {
	key, err := b.state(ctx, "/_s/key")
	if err != nil || key.there {
		return key.there, err
	}
	one, err := b.state(ctx, "/_f/platform.py")
	if err != nil || one.there {
		return one.there, err
	}
	one, err = b.state(ctx, "/_f/platform.mpy")
	return one.there, err
}

// Runtime tells what the board has of the runtime. Details must have been asked for.
func (b *Board) Runtime(ctx context.Context) (p Present, err error) {
	var key struct{ ID, Key string }
	var slots struct{ Run string }
	var networks json.RawMessage
	ap, _, err := b.cat(ctx, "/_s/ap", 100)
	err = errors.Join(err,
		b.json(ctx, "/_s/key", &key), b.json(ctx, "/settings.json", &p.Settings),
		b.json(ctx, "/wifi.json", &networks), b.json(ctx, "/_s/os", &slots))
	if err != nil {
		return p, err
	}
	if len(key.Key) == 64 {
		p.ID = key.ID
	}
	p.Server, _ = p.Settings["server"].(string)
	p.APPassword, p.Slot, p.Networks = strings.TrimSpace(string(ap)), slots.Run, networksOf(networks)
	return p, nil
}

// networksOf reads wifi.json: a list, or one alone.
func networksOf(raw json.RawMessage) []Network {
	var list []Network
	if json.Unmarshal(raw, &list) != nil {
		var one Network
		if json.Unmarshal(raw, &one) == nil {
			list = []Network{one}
		}
	}
	return slices.DeleteFunc(list, func(n Network) bool { return n.SSID == "" })
}

// InstallRuntime puts the runtime onto the board: first what it must know, then the
// runtime, then what starts it. An installation that was cut is simply begun again. It
// gives the names under which programs of somebody else are kept that it took the
// place of.
func (b *Board) InstallRuntime(ctx context.Context, r Runtime, p Progress) (kept []string, err error) {
	if r.Afresh {
		if err := b.forget(ctx); err != nil {
			return nil, err
		}
	}
	own, err := b.ownFiles(ctx, r)
	if err != nil {
		return nil, err
	}
	lacksImage, err := b.lacksImage(ctx, r.Image, p)
	if err != nil {
		return nil, err
	}
	all := Files{}
	for name, data := range r.Files {
		if err := checkName(name); err != nil {
			return nil, err
		}
		all[name] = data
	}
	for name, data := range own {
		all[name] = data
	}
	lacking, err := b.compare(ctx, all, p)
	if err != nil {
		return nil, err
	}
	names := runtimeOrder(lacking)
	starters := len(names)
	for starters > 0 && isStarter(names[starters-1]) {
		starters--
	}
	g := &gauge{p: p, all: lacking.Bytes()}
	if lacksImage {
		g.all += int64(len(r.Image))
	}
	if err := b.put(ctx, lacking, names[:starters], g); err != nil {
		return nil, err
	}
	if lacksImage {
		g.file(ROMName, len(r.Image))
		if err := b.writeImage(ctx, r.Image, g.sent); err != nil {
			return nil, err
		}
	}
	if err := b.inCharge(ctx, r.Files); err != nil {
		return nil, err
	}
	if kept, err = b.keepOld(ctx, names[starters:]); err != nil {
		return nil, err
	}
	return kept, b.put(ctx, lacking, names[starters:], g)
}

func isStarter(name string) bool { return name == "boot.py" || name == "main.py" }

// runtimeOrder: what the board must know, the runtime, boot.py, main.py.
func runtimeOrder(files Files) []string {
	stage := func(name string) int {
		if isStarter(name) {
			return slices.Index([]string{"boot.py", "main.py"}, name) + 2
		}
		if strings.HasPrefix(name, "_f/") {
			return 1
		}
		return 0
	}
	names := files.Order()
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(stage(a), stage(b)) })
	return names
}

// inCharge makes the runtime that was just written the one that runs, with nothing of
// an older one beside it: of two files that are the same module, source goes first.
func (b *Board) inCharge(ctx context.Context, files Files) error {
	there, err := b.call(ctx, 0, "_tree('/_f')")
	if err != nil {
		return fmt.Errorf("list the runtime's files: %w", err)
	}
	for _, name := range there {
		if name != "" && files[strings.TrimPrefix(name, "/")] == nil {
			if err := b.Remove(ctx, name); err != nil {
				return err
			}
		}
	}
	if err := b.leaveSlots(ctx); err != nil {
		return err
	}
	return b.Remove(ctx, "/_s/fail")
}

// slots is the state of the runtime's slots, as the runtime keeps it.
type slots struct {
	Run  string   `json:"run"`
	Ver  string   `json:"ver"`
	Prev string   `json:"prev"`
	PVer string   `json:"pver"`
	Bad  []string `json:"bad"`
	N    int64    `json:"n"` // of the last offer; no older one is ever taken
}

// leaveSlots makes the factory's runtime the one that runs.
func (b *Board) leaveSlots(ctx context.Context) error {
	var now slots
	if err := b.json(ctx, "/_s/os", &now); err != nil || now.Run == "" {
		return err
	}
	state, err := json.Marshal(slots{Bad: append([]string{}, now.Bad...), N: now.N})
	if err != nil {
		return err
	}
	return b.WriteFile(ctx, "_s/os", state, nil)
}

// ours is in each file of the runtime that starts it.
const ours = "rt.main"

// keepOld copies programs of somebody else aside before they are replaced.
func (b *Board) keepOld(ctx context.Context, names []string) (kept []string, err error) {
	for _, name := range names {
		before, there, err := b.cat(ctx, "/"+name, 64<<10)
		if err != nil {
			return nil, err
		}
		if !there || len(before) == 0 || strings.Contains(string(before), ours) || strings.Contains(string(before), "/_s/os") {
			continue
		}
		as, err := b.freeName(ctx, "/old_"+strings.TrimSuffix(name, ".py"))
		if err != nil {
			return nil, err
		}
		if _, err := b.exec(ctx, "_cp("+quote("/"+name)+", "+quote(as)+")"); err != nil {
			return nil, fmt.Errorf("keep %s as %s: %w", name, as, err)
		}
		kept = append(kept, as)
	}
	return kept, nil
}

func (b *Board) freeName(ctx context.Context, stem string) (string, error) {
	for i := 1; ; i++ {
		name := stem + ".py"
		if i > 1 {
			name = fmt.Sprintf("%s_%d.py", stem, i)
		}
		now, err := b.state(ctx, name)
		if err != nil || !now.there {
			return name, err
		}
	}
}

// forget takes away all that the runtime has of its own, but nothing of other programs.
func (b *Board) forget(ctx context.Context) error {
	names := []string{"/settings.json", "/wifi.json", "/device_id.json", "/config.json", "/version.json"}
	for _, dir := range []string{"/_s", "/_a", "/_b", "/_p", "/_q"} {
		more, err := b.call(ctx, 0, "_tree("+quote(dir)+")")
		if err != nil {
			return fmt.Errorf("list %s: %w", path.Base(dir), err)
		}
		names = append(names, more...)
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		if err := b.Remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
