package agent_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/internal/roomtest"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/sim/desk"
	wire "github.com/roost-iot/roost/wire/agent"
)

func TestThingJoinsWaitsAndIsLetIn(t *testing.T) {
	h := build(t, plan{enrolment: registry.EnrolApprove})
	c := &desk.Client{URL: h.server.URL, HTTP: h.http}
	if err := c.Join(t.Context(), wire.Join{MAC: "28cdc1010203", Platform: "esp32"}); err != nil {
		t.Fatal(err)
	}
	if c.ID != "roost-28cdc1010203" {
		t.Errorf("its id is %q", c.ID)
	}
	if code, state := status(c.Hello(t.Context())); code != 403 || state != wire.StateWaiting {
		t.Errorf("a thing that waits: %d %s", code, state)
	}
	h = h.again(plan{enrolment: registry.EnrolApprove}) // the key outlives a restart
	c.URL, c.HTTP = h.server.URL, h.http
	if _, err := h.rooms.Switchboard.Approve(t.Context(), ref(c), "ada"); err != nil {
		t.Fatal(err)
	}
	a := h.register(c, said(boot1))
	if a.Settings == nil || a.Now == 0 {
		t.Errorf("registered with %+v", a)
	}
	known, _, _ := h.rooms.Registry.Get(ref(c))
	if known.Protocol != roost.Runtime || known.Identity.Door != "agent" || !known.Online {
		t.Errorf("known as %+v", known)
	}
	twin := &desk.Client{URL: h.server.URL, HTTP: h.http}
	if code, state := status(twin.Join(t.Context(), wire.Join{MAC: "28cdc1010203"})); code != 409 || state != wire.StateEnrolled {
		t.Errorf("the MAC of an enrolled thing: %d %s", code, state)
	}
}

func TestIgnoredAndUnknownThingsAreRefused(t *testing.T) {
	h := build(t, plan{enrolment: registry.EnrolApprove})
	c := &desk.Client{URL: h.server.URL, HTTP: h.http}
	if err := c.Join(t.Context(), wire.Join{MAC: "28cdc1010203"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.rooms.Registry.Ignore(t.Context(), ref(c)); err != nil {
		t.Fatal(err)
	}
	if code, state := status(c.Hello(t.Context())); code != 403 || state != wire.StateIgnored {
		t.Errorf("an ignored thing: %d %s", code, state)
	}
	if code, state := status(c.Join(t.Context(), wire.Join{MAC: "28cdc1010203"})); code != 403 || state != wire.StateIgnored {
		t.Errorf("an ignored thing that joins again: %d %s", code, state)
	}
	c.ID = "nobody"
	if code, state := status(c.Hello(t.Context())); code != 404 || state != wire.StateUnknown {
		t.Errorf("an unknown thing: %d %s", code, state)
	}
}

func TestWhatThingsSendIsKept(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	now := time.Now().UnixMilli()
	a := h.sync(c, wire.Sync{Queue: []wire.Entry{
		{At: now - 3000, Kind: wire.EntryValues, Body: `{"temperature":21.5,"led":1,"text":"on"}`},
		{At: now - 2000, Kind: wire.EntryMessage, Body: `{"humidity":40}`},
		{At: now - 1000, Kind: wire.EntryLog, Body: `["warn","hot","very"]`},
		{At: now - 500, Kind: "noise", Body: `1`},
	}})
	if a.Upto != now-500 {
		t.Errorf("upto %d of %d", a.Upto, now-500)
	}
	_, rs, _ := h.rooms.Registry.Get(ref(c))
	values := map[string]roost.Value{}
	writable := map[string]bool{}
	for _, r := range rs {
		values[r.Name], writable[r.Name] = r.Value, r.Writable
	}
	want := map[string]roost.Value{"temperature": "21.5", "led": "1", "text": `"on"`, "humidity": "40"}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Error(diff)
	}
	if !writable["led"] || writable["temperature"] {
		t.Errorf("writable: %v", writable)
	}
	if got := h.messages(c); !slices.Equal(got, []string{`{"humidity":40}`}) {
		t.Errorf("messages %v", got)
	}
	if log := h.logged(c); !slices.Contains(log, "hot") || !slices.Contains(log, `sent something that is not kept: nothing is known of the kind "noise"`) {
		t.Errorf("log %q", log)
	}
}

func TestEntriesSentAgainAreNotDoubled(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	now := time.Now().UnixMilli()
	q := []wire.Entry{
		{At: now - 3, Kind: wire.EntryMessage, Body: `{"n":1}`},
		{At: now - 2, Kind: wire.EntryLog, Body: `["info","line"]`},
		{At: now - 1, Kind: wire.EntryMessage, Body: `{"n":2}`},
	}
	h.sync(c, wire.Sync{Queue: q[:2]})
	h = h.again(plan{}) // the answer was lost, and Roost restarted
	c.URL, c.HTTP = h.server.URL, h.http
	if code, state := status(second(c.Sync(t.Context(), wire.Sync{Boot: boot1, Queue: q, Again: 2}))); code != 401 || state != wire.StateHello {
		t.Fatalf("a session from before: %d %s", code, state)
	}
	if err := c.Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := h.sync(c, wire.Sync{Queue: q, Again: 2}); a.Upto != now-1 {
		t.Errorf("upto %d", a.Upto)
	}
	if got := h.messages(c); !slices.Equal(got, []string{`{"n":1}`, `{"n":2}`}) {
		t.Errorf("messages %v", got)
	}
	n := 0
	for _, l := range h.logged(c) {
		if l == "line" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the line is there %d times", n)
	}
}

func second[T any](_ T, err error) error { return err }

func TestCommandWakesTheSyncThatWaits(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	set := h.sync(c, wire.Sync{}).Settings.Tag
	got := make(chan wire.Answer, 1)
	go func() {
		a, err := c.Sync(t.Context(), wire.Sync{Boot: boot1, Set: set, Wait: 25})
		if err != nil {
			t.Error(err)
		}
		got <- a
	}()
	cmd := h.submit(c, roost.Tell, "", `"hello"`)
	select {
	case a := <-got:
		if len(a.Commands) != 1 || a.Commands[0].ID != cmd.ID || a.Commands[0].Kind != "message" || a.Commands[0].Body != `"hello"` {
			t.Fatalf("got %+v", a)
		}
	case <-time.After(roomtest.Patience):
		t.Fatal("nothing came")
	}
	h.sync(c, wire.Sync{Set: set, Acks: []wire.Ack{{ID: cmd.ID, OK: true, Body: `{"reply":1}`}}})
	if done := h.state(cmd.ID, roost.Done); done.Result != `{"reply":1}` {
		t.Errorf("answered by %s", done.Result)
	}
}

func TestCommandIsGivenAgainUntilTheThingHasIt(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	cmd := h.submit(c, roost.Shell, "", `"1+1"`)
	one := func(a wire.Answer) bool { return len(a.Commands) == 1 && a.Commands[0].ID == cmd.ID }
	h.until(c, wire.Sync{}, "the command", one)
	h.until(c, wire.Sync{}, "the command again", one)
	h = h.again(plan{}) // in the same boot, after a restart of Roost
	c.URL, c.HTTP = h.server.URL, h.http
	if err := c.Hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.until(c, wire.Sync{}, "the command after a restart", one)
	if a := h.sync(c, wire.Sync{Have: []string{cmd.ID}}); len(a.Commands) != 0 {
		t.Errorf("given although the thing has it: %+v", a.Commands)
	}
	h.sync(c, wire.Sync{Acks: []wire.Ack{{ID: cmd.ID, OK: false, Body: `"NameError"`}}})
	if failed := h.state(cmd.ID, roost.Failed); failed.Error != "NameError" {
		t.Errorf("failed for %q", failed.Error)
	}
}

func TestCommandsOfAnEarlierBootFailButRestartsAreDone(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	shell := h.submit(c, roost.Shell, "", `"1+1"`)
	restart := h.submit(c, roost.Restart, "", "")
	h.until(c, wire.Sync{}, "the shell line", func(a wire.Answer) bool { return len(a.Commands) == 1 && a.Commands[0].ID == shell.ID })
	h.register(c, said(boot2))
	h.state(shell.ID, roost.Failed)
	h.until(c, wire.Sync{Boot: boot2}, "the restart", func(a wire.Answer) bool { return len(a.Commands) == 1 && a.Commands[0].ID == restart.ID })
	h.sync(c, wire.Sync{Boot: boot2, Acks: []wire.Ack{{ID: restart.ID, OK: true}}})
	if cmd, err := h.rooms.Commands.Find(t.Context(), roost.Home, restart.ID); err != nil || cmd.State != roost.Sent {
		t.Errorf("before it has booted: %s %v", cmd.State, err)
	}
	r := said("00000003")
	r.Done = []string{restart.ID}
	h.register(c, r)
	h.state(restart.ID, roost.Done)
}

func TestSetIsDoneByTheThingsWord(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	cmd := h.submit(c, roost.Set, "led", "1")
	a := h.until(c, wire.Sync{}, "the set", func(a wire.Answer) bool { return len(a.Commands) == 1 })
	if a.Commands[0].Kind != "set" || a.Commands[0].Body != `{"name":"led","value":1}` {
		t.Errorf("got %+v", a.Commands[0])
	}
	h.sync(c, wire.Sync{Acks: []wire.Ack{{ID: a.Commands[0].ID, OK: true, Body: "1"}}})
	h.state(cmd.ID, roost.Done)
	lost := h.submit(c, roost.Set, "led", "0")
	h.until(c, wire.Sync{}, "the set", func(a wire.Answer) bool { return len(a.Commands) == 1 })
	h.register(c, said(boot2))
	h.state(lost.ID, roost.Failed)
}

func TestBoardIsOnlineOnceItHasCome(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	if known, _, _ := h.rooms.Registry.Get(ref(c)); known.Online {
		t.Error("a board that was never here is online")
	}
	h.register(c, said(boot1))
	if known, _, _ := h.rooms.Registry.Get(ref(c)); !known.Online {
		t.Error("a board that registered is offline")
	}
}

func TestDeletedThingLosesItsKey(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	if err := h.rooms.Switchboard.Forget(t.Context(), ref(c)); err != nil {
		t.Fatal(err)
	}
	roomtest.Eventually(t, "the key is forgotten", func() bool {
		left, err := h.rooms.Store.Agents(t.Context())
		return err == nil && len(left) == 0
	})
	if code, _ := status(c.Hello(t.Context())); code != 404 {
		t.Errorf("hello of a deleted thing: %d", code)
	}
}

func TestNewKeyEndsTheOld(t *testing.T) {
	h := build(t, plan{})
	c := h.board("")
	h.register(c, said(boot1))
	key, err := h.door.NewKey(t.Context(), ref(c))
	if err != nil {
		t.Fatal(err)
	}
	if code, state := status(second(c.Sync(t.Context(), wire.Sync{Boot: boot1}))); code != 401 || state != wire.StateHello {
		t.Errorf("the old session: %d %s", code, state)
	}
	if err := c.Hello(t.Context()); err == nil {
		t.Error("the old key is good")
	}
	c.Key = key
	if err := c.Hello(t.Context()); err != nil {
		t.Error(err)
	}
}
