package mqttsn

import (
	"slices"

	"github.com/roost-iot/roost/wire/mqttsn"
)

// topics are the names that a client and the door have agreed on ids for. Ids rise, so
// they are found by halving; names by looking at all, or from a number on by a map.
type topics struct {
	ids    []uint16
	names  []string
	byName map[string]uint16
	used   []uint16 // predefined ids that the client has shown to know
}

const mapFrom = 16

// maxTopicID is the last; 0 and 0xFFFF are reserved.
const maxTopicID = 0xFFFE

func (t *topics) name(id uint16) (string, bool) {
	i, ok := slices.BinarySearch(t.ids, id)
	if !ok {
		return "", false
	}
	return t.names[i], true
}

func (t *topics) id(name string) (uint16, bool) {
	if t.byName != nil {
		id, ok := t.byName[name]
		return id, ok
	}
	if i := slices.Index(t.names, name); i >= 0 {
		return t.ids[i], true
	}
	return 0, false
}

// next is the id that the next name gets, behind all and last; 0: there are no more.
// Ids that are predefined are left out, since some clients do not look at the kind.
func (t *topics) next(last int, predefined map[uint16]string) uint16 {
	if n := len(t.ids); n > 0 {
		last = max(last, int(t.ids[n-1]))
	}
	for id := last + 1; id <= maxTopicID; id++ {
		if _, taken := predefined[uint16(id)]; !taken {
			return uint16(id)
		}
	}
	return 0
}

func (t *topics) add(id uint16, name string) {
	at, _ := slices.BinarySearch(t.ids, id)
	t.ids, t.names = slices.Insert(t.ids, at, id), slices.Insert(t.names, at, name)
	switch {
	case t.byName != nil:
		t.byName[name] = id
	case len(t.ids) > mapFrom:
		t.byName = make(map[string]uint16, 2*mapFrom)
		for i, name := range t.names {
			t.byName[name] = t.ids[i]
		}
	}
}

// unname takes a name back that the client does not know after all. Its id is not used
// again while there are later ones.
func (t *topics) unname(name string) {
	i := slices.Index(t.names, name)
	if i < 0 {
		return
	}
	t.ids, t.names = slices.Delete(t.ids, i, i+1), slices.Delete(t.names, i, i+1)
	delete(t.byName, name)
}

// use notes that the client knows a predefined id.
func (t *topics) use(id uint16) {
	if i, known := slices.BinarySearch(t.used, id); !known {
		t.used = slices.Insert(t.used, i, id)
	}
}

// room gives the id for one more name; 0: the client, or all together, have enough.
func (l *lane) room(c *client) uint16 {
	if len(c.topics.ids) >= l.d.cfg.MaxTopics || l.d.topics.Load() >= int64(l.d.cfg.AllTopics) {
		return 0
	}
	last := 0
	if c.out != nil && c.out.stage == registering {
		last = int(c.out.topicID)
	}
	return c.topics.next(last, l.d.cfg.Predefined)
}

func (l *lane) addTopic(t *topics, id uint16, name string) {
	l.d.topics.Add(1)
	t.add(id, name)
}

// nameTopic gives the id of a name, a new one if need be; 0: there is no room.
func (l *lane) nameTopic(c *client, name string) uint16 {
	if id, known := c.topics.id(name); known {
		return id
	}
	id := l.room(c)
	if o := c.out; o != nil && o.stage == registering && o.head.Message.Topic == name {
		id = o.topicID // the door is just telling it
	}
	if id != 0 {
		l.addTopic(&c.topics, id, name)
	}
	return id
}

func (l *lane) forgetTopics(t *topics) {
	l.d.topics.Add(-int64(len(t.ids)))
	*t = topics{}
}

// topicOf is the name that a topic id in a client's PUBLISH stands for.
func (l *lane) topicOf(t *topics, kind mqttsn.TopicKind, id uint16) (name string, ok bool) {
	switch kind {
	case mqttsn.Predefined:
		if name, ok = l.d.cfg.Predefined[id]; ok {
			t.use(id)
		}
	case mqttsn.Short:
		name, ok = mqttsn.ShortName(id)
	default:
		name, ok = t.name(id)
	}
	return name, ok
}

// called is how a client knows a topic. Not ok: not at all.
func (l *lane) called(t *topics, name string) (kind mqttsn.TopicKind, id uint16, ok bool) {
	if id, ok := t.id(name); ok {
		return mqttsn.Normal, id, true
	}
	for _, id := range t.used {
		if l.d.cfg.Predefined[id] == name {
			return mqttsn.Predefined, id, true
		}
	}
	id, ok = mqttsn.ShortID(name)
	return mqttsn.Short, id, ok
}
