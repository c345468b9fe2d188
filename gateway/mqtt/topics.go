package mqtt

import (
	"strings"
	"unicode"
	"unicode/utf8"

	wire "github.com/roost-iot/roost/wire/mqtt"
)

const (
	checkTopic  = "node/check"
	beaconTopic = "gateway/check"

	// maxOwn and maxResource bound what a thing calls itself and its resources, in bytes.
	maxOwn      = 128
	maxResource = 256
)

// kind says what a message on a topic is.
type kind uint8

const (
	plain     kind = iota // nobody's but its subscribers'
	odd                   // in a tree of ours, and nothing that it knows
	check                 // node/check: a node says that it is there
	resources             // node/ID/resources: a node lists what it has
	value                 // node/ID/RESOURCE: {"value": …}
	toNode                // gateway/…: a gateway asks a node for something, or sets it
	readings              // roost/ID/readings: {name: value, …} or a backlog
	reading               // roost/ID/readings/RESOURCE: one value
	status                // roost/ID/status: online, offline
	reply                 // roost/ID/reply: how a command went
	set                   // roost/THING/set/RESOURCE: a program wants something set
	ours                  // roost/…: what only Roost says
)

// place is a topic, taken apart.
type place struct {
	kind     kind
	own      string // what the thing calls itself; of set, its ThingID
	resource string
}

// placeOf takes the name of a topic apart. It allocates nothing.
func placeOf(topic string) place {
	tree, rest, _ := strings.Cut(topic, "/")
	switch tree {
	case "node":
		return nodePlace(rest)
	case "gateway":
		own, _, deeper := strings.Cut(rest, "/")
		if !deeper {
			own = ""
		}
		return place{kind: toNode, own: own}
	case "roost":
		return roostPlace(rest)
	}
	return place{}
}

// nodePlace reads what stands behind node/. The last level decides, as in Pyaiot:
// check and resources are no resources' names.
func nodePlace(rest string) place {
	own, last, two := strings.Cut(rest, "/")
	switch {
	case !two && own == "check", two && last == "check":
		return place{kind: check}
	case !two || own == "" || last == "" || strings.IndexByte(last, '/') >= 0:
		return place{kind: odd}
	case last == "resources":
		return place{kind: resources, own: own}
	}
	return place{kind: value, own: own, resource: last}
}

// roostPlace reads what stands behind roost/.
func roostPlace(rest string) place {
	own, rest, _ := strings.Cut(rest, "/")
	word, resource, deeper := strings.Cut(rest, "/")
	p := place{kind: ours, own: own, resource: resource}
	switch {
	case own == "":
	case word == "readings" && !deeper:
		p.kind = readings
	case word == "readings" && resource != "":
		p.kind = reading
	case word == "status" && !deeper:
		p.kind = status
	case word == "reply" && !deeper:
		p.kind = reply
	case word == "set" && resource != "":
		p.kind = set
	}
	return p
}

// goodOwn tells that a thing may call itself so: the name fits into one level of a
// topic, and a person can read it.
func goodOwn(own string) bool {
	return own != "" && len(own) <= maxOwn && utf8.ValidString(own) && !strings.ContainsAny(own, "/+#") &&
		strings.IndexFunc(own, unicode.IsControl) < 0
}

// goodResource tells that a resource may have this name.
func goodResource(name string) bool {
	return name != "" && len(name) <= maxResource && utf8.ValidString(name) && strings.IndexFunc(name, unicode.IsControl) < 0
}

func commandTopic(own string) string  { return "roost/" + own + "/command" }
func replyTopic(own string) string    { return "roost/" + own + "/reply" }
func discoverTopic(own string) string { return "gateway/" + own + "/discover" }

// setTopic is where a node of Pyaiot's tree hears of a set; ok is false for a resource
// that has no place there.
func setTopic(own, resource string) (topic string, ok bool) {
	topic = "gateway/" + own + "/" + resource + "/set"
	return topic, resource != "" && strings.IndexByte(resource, '/') < 0 && wire.ValidTopic(topic) == nil
}

func stateTopic(thing, resource string) string { return "roost/" + thing + "/state/" + resource }
func onlineTopic(thing string) string          { return "roost/" + thing + "/online" }
func resultTopic(thing string) string          { return "roost/" + thing + "/result" }
