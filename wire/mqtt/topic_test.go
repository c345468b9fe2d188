package mqtt

import (
	"strings"
	"testing"
)

func TestFiltersMatch(t *testing.T) {
	for _, c := range []struct {
		filter, topic string
		want          bool
	}{
		{"a", "a", true},
		{"a", "b", false},
		{"a", "a/b", false},
		{"a/b", "a", false},
		{"#", "a", true},
		{"#", "a/b", true},
		{"#", "/", true},
		{"#", "$SYS/x", false},
		{"+/x", "$SYS/x", false},
		{"$SYS/#", "$SYS/x", true},
		{"$SYS/+", "$SYS/x", true},
		{"a/#", "a", true},
		{"a/#", "a/", true},
		{"a/#", "a/b/c", true},
		{"a/#", "ab", false},
		{"a/#", "b/a", false},
		{"+", "a", true},
		{"+", "a/b", false},
		{"+", "/a", false},
		{"+/+", "/a", true},
		{"/+", "/a", true},
		{"/+", "/", true},
		{"a/+", "a", false},
		{"a/+", "a/", true},
		{"a/+/c", "a/b/c", true},
		{"a/+/c", "a//c", true},
		{"a/+/c", "a/b/d", false},
		{"a/+/#", "a", false},
		{"a/+/#", "a/b", true},
		{"+/a/#", "$x/a", false},
		{"a//b", "a//b", true},
		{"a//b", "a/b", false},
		{"A", "a", false},
	} {
		if got := Match(c.filter, c.topic); got != c.want {
			t.Errorf("%s on %s: %v", c.filter, c.topic, got)
		}
	}
}

func TestTopicsAndFiltersAreChecked(t *testing.T) {
	long := strings.Repeat("x", maxString)
	for _, c := range []struct {
		s             string
		topic, filter bool
	}{
		{"a", true, true},
		{"/", true, true},
		{"a/+/b", false, true},
		{"a/#", false, true},
		{"#", false, true},
		{"+", false, true},
		{"", false, false},
		{"a\x00b", false, false},
		{"\xff", false, false},
		{long, true, true},
		{long + "x", false, false},
		{"a#", false, false},
		{"a/#/b", false, false},
		{"a+", false, false},
		{"+a", false, false},
		{"##", false, false},
		{"a/b+/c", false, false},
		{"$share/g/a/#", false, true},
		{"$share/g/a", true, true},
		{"$share/g", true, false},
		{"$share/g/", true, false},
		{"$share//a", true, false},
		{"$share/+/a", false, false},
		{"$share", true, false},
		{"$shared/a", true, true},
		{"$share/g/a#", false, false},
	} {
		if err := ValidTopic(c.s); (err == nil) != c.topic {
			t.Errorf("topic %.20q: %v", c.s, err)
		}
		if got := checkTopic([]byte(c.s)) == topicGood; c.s != "" && len(c.s) <= maxString && got != c.topic {
			t.Errorf("topic %.20q on its way in: %v", c.s, got)
		}
		if err := ValidFilter(c.s); (err == nil) != c.filter {
			t.Errorf("filter %.20q: %v", c.s, err)
		}
	}
	if group, filter, ok := Shared("$share/g/a/b"); group != "g" || filter != "a/b" || !ok {
		t.Error(group, filter, ok)
	}
}

func TestCodesHaveNames(t *testing.T) {
	if s := SessionTakenOver.String(); s != "session taken over" {
		t.Error(s)
	}
	if s := ReasonCode(0x77).String(); s != "reason code 0x77" {
		t.Error(s)
	}
	if s := (&Error{Code: MalformedPacket, Packet: TypePublish, What: "QoS 3"}).Error(); s != "PUBLISH: malformed packet: QoS 3" {
		t.Error(s)
	}
}
