package device_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roost-iot/roost/micropython"
	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/wire/agent"
)

// coreCounter sends the numbers 1 to n as messages, one a second, and reports them.
func coreCounter(n int) map[string]string {
	return map[string]string{"app.py": fmt.Sprintf(`
import asyncio, platform
async def run():
    for n in range(1, %d):
        platform.send(n)
        platform.report(last=n)
        await asyncio.sleep(1)
    print("counted to", n)
    while True:
        await asyncio.sleep(60)
`, n+1)}
}

// Whatever happens to answers on their way, each message comes up once, in order.
func TestMessagesComeUpOnceWhateverBreaks(t *testing.T) {
	for _, profile := range []string{"full", "lean"} {
		t.Run(profile, func(t *testing.T) {
			s := coreServer(t, desk.ServerConfig{})
			dice := rand.New(rand.NewPCG(7, 7))
			var requests atomic.Int64
			s.Break(func(*http.Request) desk.Fault { // called with a lock held
				switch n := requests.Add(1); {
				case n > 160 || dice.IntN(2) == 0:
					return desk.Fault{}
				default:
					return []desk.Fault{
						{Lost: true},
						{Cut: 1 + dice.IntN(300)},
						{Forge: true},
						{Status: 503},
						{Status: 401},
						{Cut: -1},
						{Body: []byte("<html>")},
						{Status: 429},
						{Delay: 20 * time.Second},
					}[dice.IntN(9)]
				}
			})
			const most = 25
			b := coreBoard(t, s, desk.BoardConfig{Profile: profile, App: coreCounter(most)})
			v := coreWait(t, b.Thing(), "all messages", func(v desk.View) bool { return len(v.Messages()) >= most })
			for i, m := range v.Messages() {
				if string(m) != fmt.Sprint(i+1) {
					t.Fatalf("message %d is %s of %v", i+1, m, v.Messages())
				}
			}
			if v.Doubled != 0 {
				t.Errorf("%d entries came again although they were known to be here", v.Doubled)
			}
			times := make([]int64, len(v.Entries))
			for i, e := range v.Entries {
				times[i] = e.At
			}
			if !slices.IsSorted(times) || len(slices.Compact(times)) != len(v.Entries) {
				t.Errorf("times %v", times)
			}
		})
	}
}

// Entries of a later boot are later than those of the boot before.
func TestTimesRiseOverBoots(t *testing.T) {
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{App: coreCounter(3)})
	v := coreWait(t, b.Thing(), "the first boot's messages", func(v desk.View) bool { return len(v.Messages()) == 3 })
	last := v.Entries[len(v.Entries)-1].At
	n := len(v.Entries)
	b.PowerCut()
	v = coreWait(t, b.Thing(), "the second boot's messages", func(v desk.View) bool { return len(v.Messages()) == 6 })
	if v.Boots != 2 || v.Entries[n].At <= last || v.Doubled != 0 {
		t.Errorf("%d boots, the entry after %d has %d", v.Boots, last, v.Entries[n].At)
	}
}

// Nothing that is not authenticated makes a thing forget anything.
func TestForgedAnswersChangeNothing(t *testing.T) {
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{App: coreCounter(5)})
	coreWait(t, b.Thing(), "messages", func(v desk.View) bool { return len(v.Messages()) == 5 })
	key, _ := b.Flash().ReadFile("/_s/key")
	settings, _ := b.Flash().ReadFile("/settings.json")
	var requests atomic.Int64
	bad := []desk.Fault{
		{Forge: true},
		{Status: 404},
		{Status: 403},
		{Status: 409},
		{Status: 401},
		{Status: 400},
		{Status: 500},
		{Body: []byte(`{"session":"0011223344556677","nonce":"00112233445566770011223344556677","now":99999999999999,"mac":"` + strings.Repeat("00", 32) + `"}`)},
		{Body: []byte(`{"error":"You are deleted.","state":"unknown"}`), Status: 404},
		{Body: []byte{}},
		{Body: []byte("[]")},
		{Body: []byte("{}")},
	}
	s.Forget()
	before := b.Thing().View()
	s.Break(func(*http.Request) desk.Fault {
		if n := int(requests.Add(1)); n <= 2*len(bad) {
			return bad[n%len(bad)]
		}
		return desk.Fault{}
	})
	v := coreWait(t, b.Thing(), "a sync after all that", func(v desk.View) bool {
		return int(requests.Load()) > 2*len(bad) && v.Syncs > before.Syncs
	})
	if v.Boots != 1 {
		t.Errorf("%d boots", v.Boots)
	}
	if k, _ := b.Flash().ReadFile("/_s/key"); string(k) != string(key) {
		t.Errorf("the key file was %s, is %s", key, k)
	}
	if x, _ := b.Flash().ReadFile("/settings.json"); string(x) != string(settings) {
		t.Errorf("the settings were %s, are %s", settings, x)
	}
}

func TestThingWithoutAKeyJoinsAndWaits(t *testing.T) {
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{Joins: true, Settings: map[string]any{"name": "new one"}, App: coreCounter(1)})
	ctx, cancel := context.WithTimeout(t.Context(), corePatience)
	defer cancel()
	if err := b.Printed(ctx, "403"); err != nil {
		t.Fatal(err)
	}
	thing := b.Thing()
	if thing == nil || thing.ID != "roost-"+b.MAC() {
		t.Fatalf("joined as %+v", thing)
	}
	if v := thing.View(); v.Boots != 0 {
		t.Errorf("it registered before it was let in")
	}
	thing.Approve()
	coreWait(t, thing, "the app's message", func(v desk.View) bool { return len(v.Messages()) == 1 })
	var own struct{ ID, Key string }
	text, _ := b.Flash().ReadFile("/_s/key")
	if json.Unmarshal(text, &own) != nil || own.ID != thing.ID || own.Key != thing.Key().String() {
		t.Errorf("the key file is %s", text)
	}
}

const coreAnswers = `
import asyncio, platform
n = 0
def message(data):
    global n
    n += 1
    if data == "bad":
        raise ValueError("no such thing")
    return [n, data]
platform.on_message(message)
async def run():
    while True:
        await asyncio.sleep(60)
`

func TestCommandsAreDoneOnce(t *testing.T) {
	for _, profile := range []string{"full", "lean"} {
		t.Run(profile, func(t *testing.T) {
			s := coreServer(t, desk.ServerConfig{})
			b := coreBoard(t, s, desk.BoardConfig{Profile: profile, App: map[string]string{"app.py": coreAnswers}})
			coreWait(t, b.Thing(), "the app", func(v desk.View) bool { return v.Syncs > 2 })
			ctx, cancel := context.WithTimeout(t.Context(), corePatience)
			defer cancel()
			ask := func(kind string, body any) agent.Ack {
				t.Helper()
				ack, err := b.Thing().Send(ctx, kind, body)
				if err != nil {
					t.Fatal(err)
				}
				return ack
			}
			var syncs atomic.Int64
			s.Break(func(r *http.Request) desk.Fault { // every third answer is lost, and what is in it
				return desk.Fault{Lost: r.URL.Path == agent.PathSync && syncs.Add(1)%3 == 0}
			})
			for i := range 8 {
				if ack := ask("message", i); !ack.OK || string(ack.Body) != fmt.Sprintf("[%d, %d]", i+1, i) {
					t.Errorf("message %d was answered %+v", i, ack)
				}
			}
			s.Break(nil)
			once := ask("message", "once")
			again, err := b.Thing().Give(ctx, agent.Command{ID: once.ID, Kind: "message", Body: `"once"`}) // its answer was lost with Roost's disk
			if err != nil || again.OK || !strings.Contains(string(again.Body), "It was done") {
				t.Errorf("given again: %+v, %v", again, err)
			}
			if ack := ask("message", "next"); !ack.OK || string(ack.Body) != `[10, "next"]` {
				t.Errorf("the next was answered %+v", ack)
			}
			if ack := ask("message", "bad"); ack.OK || !strings.Contains(string(ack.Body), "no such thing") {
				t.Errorf("a message that raises was answered %+v", ack)
			}
			if ack := ask("dance", nil); ack.OK || !strings.Contains(string(ack.Body), "dance") {
				t.Errorf("an unknown command was answered %+v", ack)
			}
			if ack := ask("restart", nil); !ack.OK {
				t.Errorf("restart was answered %+v", ack)
			}
			v := coreWait(t, b.Thing(), "the second boot", func(v desk.View) bool { return v.Boots == 2 })
			if v.Register.Reset != "planned" || !strings.HasPrefix(v.Register.Why, "restart:") {
				t.Errorf("it says %q, %q", v.Register.Reset, v.Register.Why)
			}
		})
	}
}

func TestSettingsAreTakenOnceAndKept(t *testing.T) {
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{App: coreCounter(1)})
	b.Thing().Set(map[string]any{"worker_interval": 7, "future": map[string]any{"a": 1}, "sync_interval": 60})
	v := coreWait(t, b.Thing(), "the tag", func(v desk.View) bool { return v.Sync.Set == "t1" })
	text, _ := b.Flash().ReadFile("/settings.json")
	var kept map[string]any
	if json.Unmarshal(text, &kept) != nil || kept["worker_interval"] != 7.0 || kept["future"] == nil || kept["server"] != desk.URL {
		t.Errorf("settings.json is %s", text)
	}
	b.PowerCut()
	v = coreWait(t, b.Thing(), "the next boot", func(x desk.View) bool { return x.Boots == 2 && x.Syncs > v.Syncs+1 })
	if v.Sync.Set != "t1" || v.Sync.Wait != 0 {
		t.Errorf("it syncs with %q, wait %d", v.Sync.Set, v.Sync.Wait)
	}
}

func TestMovesToAnotherServerAndBack(t *testing.T) {
	clock := micropython.NewClock(time.Unix(1_800_000_000, 0))
	s := coreServer(t, desk.ServerConfig{Clock: clock})
	other := coreServer(t, desk.ServerConfig{Clock: clock})
	there := other.Enrol("mover", agent.NewKey())
	here := s.Enrol("mover", there.Key())
	b := coreBoard(t, s, desk.BoardConfig{
		ID: "mover", App: coreCounter(1),
		Network: func(ctx context.Context, network, address string) (net.Conn, error) {
			if strings.HasPrefix(address, "other.example:") {
				return other.Dial(ctx, network, address)
			}
			return nil, fmt.Errorf("no route to %s", address)
		},
	})
	coreWait(t, here, "a sync", func(v desk.View) bool { return v.Syncs > 1 })
	here.Set(map[string]any{"server": "http://nowhere.example:8080"})
	coreWait(t, here, "it to come back", func(v desk.View) bool {
		return slices.ContainsFunc(v.Logs(), func(l string) bool { return strings.Contains(l, "back to "+desk.URL) })
	})
	here.Set(map[string]any{"server": "http://other.example:8080"})
	v := coreWait(t, there, "it to arrive", func(v desk.View) bool { return v.Syncs > 2 })
	if v.Register.Why != "" {
		t.Errorf("it restarted: %q", v.Register.Why)
	}
	n := v.Syncs
	b.PowerCut()
	coreWait(t, there, "it to stay", func(v desk.View) bool { return v.Boots == 2 && v.Syncs > n+1 })
}

// A board that cannot check who is there says so, and where.
func TestLeanBoardsRefuseTLSTheyCannotCheck(t *testing.T) {
	s := coreServer(t, desk.ServerConfig{})
	b := coreBoard(t, s, desk.BoardConfig{Profile: "lean", Settings: map[string]any{"server": "https://roost.example"}, App: coreCounter(1)})
	ctx, cancel := context.WithTimeout(t.Context(), corePatience)
	defer cancel()
	if err := b.Printed(ctx, "this board cannot check who is at an https address"); err != nil {
		t.Error(err)
	}
}
