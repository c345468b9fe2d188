package coap

import (
	"strings"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/wire/coap"
)

// link is a resource that a node lists.
type link struct {
	name       string // the path without its first slash; "/" for the root
	writable   bool
	observable bool
}

// linksOf picks from the text of /.well-known/core what to read: each path of
// the node itself once, in order, at most so many. err tells of a malformed list,
// of which the part before the fault is used.
func linksOf(text string, most int) (links []link, err error) {
	list, err := coap.ParseLinks(text)
	seen := map[string]int{}
	for _, l := range list {
		name, ok := nameOf(l.Target)
		if !ok {
			continue
		}
		_, observable := l.Attr("obs")
		if i, twice := seen[name]; twice { // old firmwares list a path once per method
			links[i].writable = links[i].writable || writable(name, l)
			links[i].observable = links[i].observable || observable
			continue
		}
		if len(links) == most {
			break
		}
		seen[name] = len(links)
		links = append(links, link{name: name, writable: writable(name, l), observable: observable})
	}
	return links, err
}

// nameOf is the name of the resource behind a link. Not ok: the link is absolute,
// relative to something else, or the list itself.
func nameOf(target string) (string, bool) {
	if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") || strings.Contains(target, "#") {
		return "", false
	}
	path, _, _ := strings.Cut(target, "?")
	if strings.Trim(path, "/") == ".well-known/core" {
		return "", false
	}
	if target == "/" {
		return "/", true
	}
	return target[1:], goodName(target[1:])
}

// writable reads from a link that the node takes a PUT: it is an actuator or a
// parameter (if="core.a", "core.p"), or its type or name is one of those that
// Pyaiot's pages write to.
func writable(name string, l coap.Link) bool {
	if roost.Settable(name) {
		return true
	}
	kind, _ := l.Attr("if")
	for _, k := range strings.Fields(kind) {
		if k == "core.a" || k == "core.p" {
			return true
		}
	}
	kind, _ = l.Attr("rt")
	for _, k := range strings.Fields(kind) {
		if k == "actuator" || roost.Settable(k) {
			return true
		}
	}
	return false
}
