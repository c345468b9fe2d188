package relay

import (
	"reflect"
	"testing"
	"time"

	"github.com/roost-iot/roost"
)

// every holds an entry of each kind.
func every() []Entry {
	at := time.Unix(1_790_000_000, 123_456_789)
	key := Key{Door: "coap", Own: "kitchen"}
	return []Entry{
		{Kind: Arrived, Key: key, At: at, Protocol: roost.CoAP, Address: "[fd00::11]:5683", Restarted: true},
		{Kind: Reported, Key: key, At: at, Values: []roost.Resource{
			{Name: "temperature", Value: `"24.1°C"`, At: at.Add(-time.Hour)}, {Name: "led", Value: "1", At: at, Writable: true},
		}},
		{Kind: Answered, Key: key, At: at, Command: "c1", State: roost.Done, Value: `"1"`},
		{Kind: Answered, Key: key, At: at, Command: "c2", State: roost.Failed, Error: "4.04 Not Found"},
		{Kind: Left, Key: key, At: at},
		{Kind: Begun, Key: key, At: at, Command: "c1"},
		{Kind: Ended, Key: key, At: at, Command: "c1", Outcome: Failed, Fault: roost.Unavailable, Error: "No answer."},
	}
}

func TestEntriesComeBackAsTheyWere(t *testing.T) {
	var bodies [][]byte
	for _, e := range every() {
		bodies = append(bodies, e.Append(nil))
	}
	first, list, err := parseEntries(appendEntries(nil, frameEntries, 42, bodies)[1:])
	if err != nil || first != 42 {
		t.Fatal(first, err)
	}
	if !reflect.DeepEqual(list, every()) {
		t.Errorf("got  %+v\nwant %+v", list, every())
	}
}

func TestEntryThatMakesNoSenseHoldsNothingUp(t *testing.T) {
	e := every()[0]
	_, list, err := parseEntries(appendEntries(nil, frameEntries, 1, [][]byte{{0xff}, e.Append(nil)})[1:])
	if err != nil || len(list) != 2 || list[0].Kind != 0 || list[1].Kind != Arrived {
		t.Errorf("%+v %v", list, err)
	}
}

func TestEntryCutAnywhereIsRefused(t *testing.T) {
	for _, e := range every() {
		whole := e.Append(nil)
		for n := range whole {
			if _, err := ParseEntry(whole[:n]); err == nil {
				t.Errorf("kind %d cut at %d of %d was taken", e.Kind, n, len(whole))
			}
		}
		if _, err := ParseEntry(append(whole, 0)); err == nil {
			t.Errorf("kind %d with a byte behind it was taken", e.Kind)
		}
	}
}

func TestHubMessagesComeBackAsTheyWere(t *testing.T) {
	key := Key{Door: "mqtt", Own: "n1"}
	o := order{ID: "c1", Key: key, Kind: roost.Set, Resource: "led", Value: `"é"`, By: "ada", Left: 30 * time.Second}
	for _, row := range []struct {
		raw  []byte
		want any
	}{
		{welcome{Version: 1, Software: "0.2"}.append(nil), welcome{Version: 1, Software: "0.2"}},
		{appendAck(nil, 1<<40), ack(1 << 40)},
		{o.append(nil), o},
		{appendCancel(nil, "c1"), cancel("c1")},
		{farewell{Key: key, Reason: "deleted"}.append(nil), farewell{Key: key, Reason: "deleted"}},
		{[]byte{frameAlive}, nil},
		{[]byte{99, 1, 2, 3}, nil}, // of a later version
	} {
		if got, err := parseHub(row.raw); err != nil || !reflect.DeepEqual(got, row.want) {
			t.Errorf("%x: %+v %v", row.raw, got, err)
		}
	}
}

func TestHelloComesBackAsItWas(t *testing.T) {
	at := time.Unix(1_790_000_000, 5)
	h := hello{
		Version: 1, Software: "0.2", Name: "attic", Instance: "x", Doors: []string{"coap", "ws"}, Clock: at, Next: 7,
		Beat: beat{Things: 3, Entries: 9, Bytes: 4096, Oldest: at, Dropped: 2, Clock: at, Error: "disk full"},
	}
	got, err := parseHello(h.append(nil))
	if err != nil || !reflect.DeepEqual(got, h) {
		t.Errorf("%+v %v", got, err)
	}
	later := h
	later.Version = 2
	if _, err := parseHello(append(later.append(nil), "what comes later"...)); err != nil {
		t.Errorf("hello of a later version: %v", err)
	}
}

func FuzzEntry(f *testing.F) {
	for _, e := range every() {
		f.Add(e.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEntry(b)
		if err != nil {
			return
		}
		again, err := ParseEntry(e.Append(nil))
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Errorf("%x: %+v came back as %+v, %v", b, e, again, err)
		}
	})
}

func FuzzMessages(f *testing.F) {
	var bodies [][]byte
	for _, e := range every() {
		bodies = append(bodies, e.Append(nil))
	}
	f.Add(appendEntries(nil, frameEntries, 42, bodies))
	f.Add(hello{Version: 1, Instance: "x", Doors: []string{"coap"}, Clock: time.Unix(1, 2)}.append(nil))
	f.Add(order{ID: "c1", Key: Key{"coap", "n1"}, Kind: roost.Set, Resource: "led", Value: "1", Left: time.Second}.append(nil))
	f.Add(farewell{Key: Key{"coap", "n1"}, Reason: "deleted"}.append(nil))
	f.Add(appendAck(nil, 7))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := parseHello(b); err == nil {
			if again, err := parseHello(h.append(nil)); err != nil || !reflect.DeepEqual(again, h) {
				t.Errorf("hello %x: %+v, %v", b, again, err)
			}
		}
		if len(b) > 0 {
			_, _, _ = parseEntries(b[1:])
			r := reader{b: b[1:]}
			_ = r.beat()
		}
		m, err := parseHub(b)
		if err != nil || m == nil {
			return
		}
		if o, ok := m.(order); ok {
			if again, err := parseHub(o.append(nil)); err != nil || !reflect.DeepEqual(again, m) {
				t.Errorf("order %x: %+v, %v", b, again, err)
			}
		}
	})
}
