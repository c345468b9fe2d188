package board

import (
	"cmp"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/roost-iot/roost"
)

// mostLogs is how many logs of a board are told of.
const mostLogs = 50

var logName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$`)

// goodName tells that a log may be asked for by a name: it leads to no other call.
func goodName(name string) bool { return logName.MatchString(name) && !strings.Contains(name, "..") }

// logNames reads a board's list of logs. The platform leaves open what it looks like: a
// list of names, or of objects with a name, by itself or as the only list of an object.
func logNames(raw []byte) []string {
	list := listIn(raw)
	names := []string{}
	for _, item := range list {
		var o struct{ Name, File string }
		var name string
		if json.Unmarshal(item, &name) != nil && json.Unmarshal(item, &o) == nil {
			name = cmp.Or(o.Name, o.File)
		}
		if goodName(name) && len(names) < mostLogs && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// listIn gives the list that an answer is, or that an object has; nil if there is none.
func listIn(raw []byte) (list []json.RawMessage) {
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	var o map[string]json.RawMessage
	if json.Unmarshal(raw, &o) != nil {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(o)) {
		v := o[key]
		if json.Unmarshal(v, &list) == nil && list != nil {
			return list
		}
	}
	return nil
}

// logText reads a log: plain text, or JSON with the text or its lines in it.
func logText(raw []byte) string {
	var o struct {
		Content, Text, Log json.RawMessage
		Lines              json.RawMessage
	}
	if json.Unmarshal(raw, &o) == nil {
		for _, v := range []json.RawMessage{o.Content, o.Text, o.Log, o.Lines} {
			var lines []string
			if json.Unmarshal(v, &lines) == nil && lines != nil {
				return strings.ToValidUTF8(strings.Join(lines, "\n"), "\uFFFD")
			}
			if text := roost.Value(v).AsText(); len(v) > 0 && v[0] == '"' {
				return strings.ToValidUTF8(text, "\uFFFD")
			}
		}
	}
	return strings.ToValidUTF8(string(raw), "\uFFFD")
}
