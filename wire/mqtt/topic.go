package mqtt

import (
	"strings"
	"unicode/utf8"
)

const maxString = 65535

// ValidTopic says what is wrong with a topic name: it must have 1 to 65,535 bytes of
// UTF-8, without NUL and wildcards (MQTT 5, 4.7).
func ValidTopic(topic string) error {
	if err := validName(topic, TopicNameInvalid, "a topic name"); err != nil {
		return err
	}
	if strings.ContainsAny(topic, "+#") {
		return &Error{Code: TopicNameInvalid, What: "a topic name may not hold wildcards"}
	}
	return nil
}

// ValidFilter says what is wrong with a topic filter, the $share/… form included.
func ValidFilter(filter string) error {
	if err := validName(filter, TopicFilterInvalid, "a topic filter"); err != nil {
		return err
	}
	if _, rest, shared := cutShare(filter); shared {
		filter = rest
		if filter == "" {
			return filterError("a shared subscription is $share, a name without wildcards and a topic filter")
		}
	}
	for level, rest, more := strings.Cut(filter, "/"); ; level, rest, more = strings.Cut(rest, "/") {
		switch {
		case strings.Contains(level, "#") && (level != "#" || more):
			return filterError("# must be the whole last level")
		case strings.Contains(level, "+") && level != "+":
			return filterError("+ must be a whole level")
		case !more:
			return nil
		}
	}
}

// Shared splits $share/group/filter. Of anything else it gives ok false, and of a
// shared one that is not valid an empty filter.
func Shared(filter string) (group, rest string, ok bool) { return cutShare(filter) }

func cutShare(filter string) (group, rest string, ok bool) {
	if !strings.HasPrefix(filter, "$share/") {
		return "", "", filter == "$share"
	}
	group, rest, _ = strings.Cut(filter[len("$share/"):], "/")
	if group == "" || strings.ContainsAny(group, "+#") {
		return "", "", true
	}
	return group, rest, true
}

func filterError(what string) error { return &Error{Code: TopicFilterInvalid, What: what} }

func validName(s string, code ReasonCode, what string) error {
	switch {
	case s == "":
		return &Error{Code: code, What: what + " may not be empty"}
	case len(s) > maxString:
		return &Error{Code: code, What: what + " may have 65,535 bytes"}
	case !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0:
		return &Error{Code: code, What: what + " must be UTF-8 without NUL"}
	}
	return nil
}

// Match says whether a valid filter (not a shared one) matches a topic name. Wildcards
// in the first level do not match topics that begin with $ (MQTT 5, 4.7.2).
func Match(filter, topic string) bool {
	if topic != "" && topic[0] == '$' && filter != "" && (filter[0] == '+' || filter[0] == '#') {
		return false
	}
	for {
		want, restFilter, moreFilter := strings.Cut(filter, "/")
		if want == "#" {
			return true
		}
		have, restTopic, moreTopic := strings.Cut(topic, "/")
		switch {
		case want != "+" && want != have:
			return false
		case !moreTopic:
			return !moreFilter || restFilter == "#"
		case !moreFilter:
			return false
		}
		filter, topic = restFilter, restTopic
	}
}

// What checkTopic finds.
const (
	topicGood = iota
	topicWild
	topicText // not UTF-8, or NUL
)

// checkTopic is ValidTopic for bytes on their way in.
func checkTopic(b []byte) int {
	ascii, wild := true, false
	for _, c := range b {
		switch {
		case c >= utf8.RuneSelf:
			ascii = false
		case c == 0:
			return topicText
		case c == '+' || c == '#':
			wild = true
		}
	}
	switch {
	case !ascii && !utf8.Valid(b):
		return topicText
	case wild:
		return topicWild
	}
	return topicGood
}
