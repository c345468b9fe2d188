package web

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/telemetry"
)

// W04: what the worker sent, by epoch seconds and by ISO 8601, both ends included.
func TestLegacyWorkerMessages(t *testing.T) {
	h := openLegacy(t)
	start := time.Unix(1700000000, 0)
	h.work(`"late"`, start.Add(250*time.Millisecond+time.Microsecond))
	h.work(`{"a": 1}`, start)
	h.work(`[1, "caffè <b>"]`, start.Add(250*time.Millisecond))
	h.work(`0`, start.Add(5*time.Microsecond))
	h.settle()
	const (
		first  = `{"ts":"2023-11-14T22:13:20Z","data":{"a":1}}`
		second = `{"ts":"2023-11-14T22:13:20.000005Z","data":0}`
		third  = `{"ts":"2023-11-14T22:13:20.250000Z","data":[1,"caffè <b>"]}`
		fourth = `{"ts":"2023-11-14T22:13:20.250001Z","data":"late"}`
	)
	all := "[" + first + "," + second + "," + third + "," + fourth + "]"
	for _, span := range []struct {
		from, to any
		want     string
	}{
		{1700000000, 1700000001, all},
		{"1700000000", "1700000001", all},
		{1700000000.0, "1700000000.250001", all},
		{" 17e8 ", "1700000000.250001", all},
		{"2023-11-14T22:13:20Z", "2023-11-14T23:13:21+01:00", all},
		{"2023-11-14T17:13:20-05:00", "2023-11-14T22:13:20.250001Z", all},
		{1700000000, 1700000000, "[" + first + "]"},
		{"2023-11-14T22:13:20.5Z", "2023-11-14T22:13:20.5Z", "[" + second + "]"}, // five microseconds
		{"1700000000.000001", "1700000000.25", "[" + second + "," + third + "]"},
		{"2023-11-14T22:13:20.250001Z", 1800000000, "[" + fourth + "]"},
		{1700000001, 1700000000, "[]"},
		{-5, 5, "[]"},
	} {
		h.plain.says(200, span.want, workerGet, h.with("tid", legacyTID, "from", span.from, "to", span.to))
	}
	asForm := url.Values{"apikey": {h.key}, "tid": {legacyTID}, "from": {"1700000000"}, "to": {"1700000001"}}.Encode()
	res, text := h.plain.send("POST", "!"+legacyRoot+workerGet, asForm, "Content-Type", "application/x-www-form-urlencoded")
	if res.StatusCode != 200 || string(text) != all {
		t.Errorf("as a form: %d %s", res.StatusCode, text)
	}
	h.plain.says(200, all, workerGet, map[string]any{"username": h.viewer, "password": password, "tid": legacyTID, "from": 1, "to": 2e9})
}

func TestLegacyWorkerMessagesThatAreNotAskedForRight(t *testing.T) {
	h := openLegacy(t)
	for _, bad := range []any{nil, 0, "0", "0.0", "", "soon", "inf", "nan", "0x10", "1e99", "2023-11-14", "2023-11-14 22:13:20Z", "2023-11-14T22:13:20", "2023-02-30T00:00:00Z", "2023-11-14T22:13:20.Z", "2023-11-14T22:13:20.1000000Z", "2023-11-14T22:13:20+0100", true, []int{1}, map[string]int{}} {
		h.plain.refuses(400, "No from set", workerGet, h.with("to", 1, "from", bad))
		h.plain.refuses(400, "No to set", workerGet, h.with("from", 1, "to", bad))
	}
	h.plain.refuses(400, "No from set", workerGet, h.with())
	for _, bad := range []any{nil, "", []string{legacyTID}} {
		h.plain.refuses(400, "Got empty tid", workerGet, h.with("from", 1, "to", 2, "tid", bad))
	}
}

// A thing may have more messages than one page of the store.
func TestLegacyWorkerMessagesAllCome(t *testing.T) {
	h := openLegacy(t)
	const many = 1300
	start := time.Unix(1700000000, 0)
	for i := range many { // three of each time
		h.work(fmt.Sprint(i), start.Add(time.Duration(i/3)*time.Second))
	}
	h.settle()
	status, text := h.plain.post(workerGet, h.with("tid", legacyTID, "from", 1, "to", 2e9))
	var got []struct {
		TS   time.Time `json:"ts"`
		Data int       `json:"data"`
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 || len(got) != many {
		t.Fatalf("%d, %d messages, %v", status, len(got), err)
	}
	for i, m := range got {
		if m.Data != i || !m.TS.Equal(start.Add(time.Duration(i/3)*time.Second)) {
			t.Fatalf("message %d is %+v", i, m)
		}
	}
}

// W03: what is not there and what is somebody else's look the same.
func TestLegacyThingsOfOthersAreNotThere(t *testing.T) {
	h := openLegacy(t)
	h.arrive("waiting", false)
	calls := func(tid string, fields func(...any) map[string]any) {
		t.Helper()
		h.plain.refuses(400, noLegacyThing, workerGet, fields("tid", tid, "from", 1, "to", 2))
		h.plain.refuses(400, noLegacyThing, managementNew, fields("tid", tid, "msg", "x"))
	}
	calls("B0B0B0B0B0B0", h.with)
	calls("waiting", h.with)
	calls("../"+legacyTID, h.with)
	calls(legacyTID, func(f ...any) map[string]any { return withKey(h.strangerKey, f...) })
	// Things of other doors have no TID, but an id; they take no messages.
	h.arrive("lamp", true)
	h.plain.says(200, "[]", workerGet, h.with("tid", "lamp", "from", 1, "to", 2))
	h.plain.refuses(400, noLegacyThing, managementNew, h.with("tid", "lamp", "msg", "x"))
	// Viewers read; to them, nobody has a door.
	vera := map[string]any{"username": h.viewer, "password": password, "tid": legacyTID, "from": 1, "to": 2, "msg": "x"}
	h.plain.says(200, "[]", workerGet, vera)
	h.plain.refuses(400, noLegacyThing, managementNew, vera)
}

// Two projects may have a device of the same TID; each sees its own.
func TestLegacySameTIDInTwoProjects(t *testing.T) {
	h := openLegacy(t)
	other, err := h.Switchboard.Arrive(t.Context(), gateway.Arrival{
		Project: "lab", Identity: roost.Identity{Door: tidDoor, Own: legacyTID}, Protocol: roost.PythingsOS, Address: "192.0.2.9:1", Link: newLink(), Trusted: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1700000000, 0)
	h.work(`"ours"`, at)
	if err := h.Telemetry.RecordMessage(t.Context(), roost.WorkerMessage{Ref: other.Ref, At: at, Data: `"theirs"`}); err != nil {
		t.Fatal(err)
	}
	h.settle()
	h.plain.says(200, `[{"ts":"2023-11-14T22:13:20Z","data":"ours"}]`, workerGet, h.with("tid", legacyTID, "from", 1, "to", 2e9))
	h.plain.says(200, `[{"ts":"2023-11-14T22:13:20Z","data":"theirs"}]`, workerGet, withKey(h.strangerKey, "tid", legacyTID, "from", 1, "to", 2e9))
	if status, text := h.plain.post(managementNew, withKey(h.strangerKey, "tid", legacyTID, "msg", "x")); status != 200 {
		t.Errorf("%d %s", status, text)
	}
	if got, ok := h.Commands.Fetch(t.Context(), h.thing); ok {
		t.Errorf("our device was given their message %+v", got)
	}
	if got, ok := h.Commands.Fetch(t.Context(), other.Ref); !ok || got.Value != `"x"` {
		t.Errorf("their device was given %+v", got)
	}
}

// message asks for a message by its fields and gives its mid.
func (h *legacyHouse) message(fields map[string]any) string {
	h.t.Helper()
	status, text := h.plain.post(managementNew, fields)
	var got struct{ MID string }
	if status != 200 || json.Unmarshal([]byte(text), &got) != nil || len(got.MID) != 36 || text != `{"mid":"`+got.MID+`"}` {
		h.t.Fatalf("%v: %d %s", fields, status, text)
	}
	return got.MID
}

// W02, W05 and W06.
func TestLegacyMessageFromQueuedToReceived(t *testing.T) {
	h := openLegacy(t)
	mid := h.message(h.with("tid", legacyTID, "msg", "meminfo"))
	get := h.with("mid", mid, "tid", "ignored")
	h.plain.says(200, `{"status":"Queued","reply":null}`, managementGet, get)
	given, ok := h.Commands.Fetch(t.Context(), h.thing)
	if !ok || given.ID != mid || given.Kind != roost.Tell || given.Value != `"meminfo"` || given.Expires.Before(time.Now().Add(29*24*time.Hour)) {
		t.Fatalf("the device was given %+v", given)
	}
	h.plain.says(200, `{"status":"Delivered","reply":null}`, managementGet, get)
	h.answered(h.thing, mid, roost.Done, `"Got \"meminfo\""`, "")
	h.plain.says(200, `{"status":"Received","reply":"Got \"meminfo\""}`, managementGet, get)
	h.plain.says(200, `{"status":"Received","reply":"Got \"meminfo\""}`, managementGet,
		map[string]any{"username": h.viewer, "password": password, "mid": mid})

	h.plain.refuses(400, noLegacyMessage, managementGet, withKey(h.strangerKey, "mid", mid))
	h.plain.refuses(400, noLegacyMessage, managementGet, h.with("mid", "00000000-0000-4000-8000-000000000000"))
	h.plain.refuses(400, "Got empty mid", managementGet, h.with("mid", nil))
	h.arrive("lamp", true)
	set, err := h.Commands.Submit(t.Context(), command.Request{Ref: h.server.ref("lamp"), Resource: "led", Value: `1`})
	if err != nil {
		t.Fatal(err)
	}
	h.plain.refuses(400, noLegacyMessage, managementGet, h.with("mid", set.ID))
}

func TestLegacyMessageThatWasNotAnswered(t *testing.T) {
	h := openLegacy(t)
	failed := h.message(h.with("tid", legacyTID, "msg", "a"))
	cancelled := h.message(h.with("tid", legacyTID, "msg", "b"))
	if _, ok := h.Commands.Fetch(t.Context(), h.thing); !ok {
		t.Fatal("nothing waits")
	}
	h.answered(h.thing, failed, roost.Failed, "", "The thing came back without answering.")
	if _, err := h.Commands.Cancel(t.Context(), roost.Home, cancelled); err != nil {
		t.Fatal(err)
	}
	h.plain.says(200, `{"status":"Delivered","reply":null}`, managementGet, h.with("mid", failed))
	h.plain.says(200, `{"status":"Queued","reply":null}`, managementGet, h.with("mid", cancelled))
	null := h.message(h.with("tid", legacyTID, "msg", "c"))
	if _, ok := h.Commands.Fetch(t.Context(), h.thing); !ok {
		t.Fatal("nothing waits")
	}
	h.answered(h.thing, null, roost.Done, "null", "")
	h.plain.says(200, `{"status":"Received","reply":null}`, managementGet, h.with("mid", null))
	raised := h.message(h.with("tid", legacyTID, "msg", "d"))
	if _, ok := h.Commands.Fetch(t.Context(), h.thing); !ok {
		t.Fatal("nothing waits")
	}
	h.answered(h.thing, raised, roost.Failed, "null", "Its management task failed: ValueError boom")
	h.plain.says(200, `{"status":"Received","reply":null}`, managementGet, h.with("mid", raised))
}

// A message is any JSON that is true to Python; in a form it is text.
func TestLegacyMessageIsAnyJSON(t *testing.T) {
	h := openLegacy(t)
	next := func() roost.Value {
		t.Helper()
		c, ok := h.Commands.Fetch(t.Context(), h.thing)
		if !ok {
			t.Fatal("nothing waits")
		}
		h.answered(h.thing, c.ID, roost.Done, "", "")
		return c.Value
	}
	for sent, want := range map[string]roost.Value{
		`{"led": [1, 2.50]}`: `{"led":[1,2.50]}`, `12345678901234567890`: `12345678901234567890`, `true`: `true`, `"caff\u00e8"`: `"caff\u00e8"`,
	} {
		h.message(h.with("tid", legacyTID, "msg", json.RawMessage(sent)))
		if got := next(); got != want && got.AsText() != want.AsText() {
			t.Errorf("%s came as %s", sent, got)
		}
	}
	form := url.Values{"apikey": {h.key}, "tid": {legacyTID}, "msg": {"old", `{"a":1}`}}.Encode()
	if res, text := h.plain.send("POST", "!"+legacyRoot+managementNew, form, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8"); res.StatusCode != 200 {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	if got := next(); got != `"{\"a\":1}"` {
		t.Errorf("from a form came %s", got)
	}
	for _, empty := range []any{nil, "", 0, 0.0, false, []int{}, map[string]int{}} {
		h.plain.refuses(400, `Got empty "msg"`, managementNew, h.with("tid", legacyTID, "msg", empty))
	}
	h.plain.refuses(400, `Got empty "tid"`, managementNew, h.with())
	h.plain.refuses(400, `Got empty "msg"`, managementNew, h.with("tid", "nobody"))
	h.plain.refuses(413, fmt.Sprintf("A value has at most 64 KiB; this one has %d bytes.", 70<<10+2), managementNew,
		h.with("tid", legacyTID, "msg", strings.Repeat("x", 70<<10)))
	for range 64 {
		h.message(h.with("tid", legacyTID, "msg", "x"))
	}
	if status, text := h.plain.post(managementNew, h.with("tid", legacyTID, "msg", "x")); status != 429 || !strings.HasPrefix(text, `{"detail":`) {
		t.Errorf("one too many: %d %s", status, text)
	}
}

// What devices of the default app send: messages that the store gets while it is asked.
func TestLegacyWorkerMessagesWhileTheyCome(t *testing.T) {
	h := openLegacy(t)
	h.work(`1`, time.Unix(1700000000, 0))
	eventually(t, "the message", func() bool {
		_, text := h.plain.post(workerGet, h.with("tid", legacyTID, "from", 1, "to", 2e9))
		return text == `[{"ts":"2023-11-14T22:13:20Z","data":1}]`
	})
	if n, err := h.Telemetry.CountMessages(t.Context(), roost.Home); n != 1 || err != nil {
		t.Errorf("%d messages, %v", n, err)
	}
	if all, err := h.Telemetry.Messages(t.Context(), h.thing, telemetry.MessageQuery{}); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}
