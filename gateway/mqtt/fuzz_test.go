package mqtt

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/wire/mqtt"
)

// seeds are payloads, good and bad, for all parsers.
var seeds = []string{
	"", "null", "1", `"x"`, `{"id": "n1"}`, `{"id":7}`, `{"id": "a/b"}`, `{"id": 1e999}`, `["led", 1, "a b", "\u0000"]`,
	`{"value": "23.4°C"}`, `{"value":{"a":[1]}}`, "{\"value\":1}\x00\x00", `{"value": 1} x`,
	`{"t": 21.5, "": 1}`, `[{"time": 1747000000000, "values": {"t": 1}}]`, `[{"time":"2026-05-01T12:00:00Z","values":{}}]`, `[{}]`, `[null]`,
	`{"id": "x", "ok": true, "value": 1}`, `{"id": "x", "ok": false, "error": "é"}`, `{"ok": false}`,
	"online", `"OFFLINE"`, strings.Repeat("[", 2000), "\xff\xfe",
}

// FuzzPayloads holds that no parser of what things say panics, and that what comes out
// of them is fit for the rooms.
func FuzzPayloads(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if own, ok := parseCheck(b); ok && mqtt.ValidTopic(discoverTopic(own)) != nil {
			t.Errorf("%q makes the id %q", b, own)
		}
		if names, ok := parseResources(b); ok && !json.Valid(text(b)) {
			t.Errorf("%q makes %q", b, names)
		}
		if v, ok := parseValue(b); ok {
			fit(t, b, v)
		}
		fit(t, b, parseAny(b))
		if a, ok := parseReply(b, b); ok && (a.id == "" || len(a.why) > 512 || !a.ok && a.why == "") {
			t.Errorf("%q makes %+v", b, a)
		}
		parseStatus(b)
		rs, err := parseReadings(b, time.Time{}, 1000)
		for i, r := range rs {
			fit(t, b, r.Value)
			if err != nil || !goodResource(r.Name) || len(r.Value) > 1000 || i > 0 && r.At.Before(rs[i-1].At) {
				t.Errorf("%q makes %+v, %v", b, rs, err)
			}
		}
	})
}

func fit(t *testing.T, b []byte, v roost.Value) {
	t.Helper()
	if !json.Valid([]byte(v)) {
		t.Errorf("%q makes the value %q", b, v)
	}
}

// FuzzTopics holds that no topic is taken for more than it says.
func FuzzTopics(f *testing.F) {
	for _, s := range []string{
		"node/check", "node/n1/resources", "node/n1/led", "node//led", "node/a/b/c", "node/a/check", "gateway/n1/led/set",
		"roost/n1/readings", "roost/n1/readings/a/b", "roost/n1/set/led", "roost//status", "roost/n1", "/node/check", "node", "", "\x00", strings.Repeat("/", 65535),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, topic string) {
		p := placeOf(topic)
		back := map[kind]string{
			resources: "node/" + p.own + "/resources", value: "node/" + p.own + "/" + p.resource,
			readings: "roost/" + p.own + "/readings", reading: "roost/" + p.own + "/readings/" + p.resource,
			status: "roost/" + p.own + "/status", reply: replyTopic(p.own), set: "roost/" + p.own + "/set/" + p.resource,
		}
		if want, ok := back[p.kind]; ok && want != topic {
			t.Errorf("%q is read as %+v", topic, p)
		}
		if strings.HasPrefix(topic, "roost/") == (p.kind == plain) && p.kind == plain && strings.Contains(topic, "/") {
			t.Errorf("%q is nobody's", topic)
		}
		if own, _, ok := heardBy(topic); ok && !goodOwn(own) {
			t.Errorf("%q is heard by %q", topic, own)
		}
		selectsState(topic)
	})
}

// TestFiltersThatSelectState compares the quick answer with what filters match.
func TestFiltersThatSelectState(t *testing.T) {
	told := []string{"roost/n1/state/led", "roost/n1/state/a/b", "roost/n1/online", "roost/n1/result"}
	for _, filter := range []string{
		"#", "+/#", "+/+/+", "+/+/+/+", "+/+/state/+", "roost/#", "roost/+/#", "roost/n1/#", "roost/n1/state/#", "roost/n1/state/led",
		"roost/+/online", "roost/n1/result", "$share/g/roost/+/state/#", "+/n1/online", "roost/n1/+", "roost/n1/+/led",
		"node/#", "gateway/+/discover", "roost/n1/command", "roost/+/readings/#", "house/+", "$SYS/#", "roost", "roost/n1", "+", "+/+",
	} {
		any := false
		for _, topic := range told {
			any = any || mqtt.Match(bare(filter), topic)
		}
		if any && !selectsState(filter) {
			t.Errorf("%s selects what programs are told, and nobody would tell", filter)
		}
		if !any && selectsState(filter) && strings.Count(filter, "/") > 1 {
			t.Errorf("%s selects nothing that programs are told", filter)
		}
	}
}
