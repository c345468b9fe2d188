package mqttsn

import (
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

// memory is what is kept of clients whose session waits for their return: the topic
// ids they know, and their will (6.3). The broker keeps the rest.
type memory struct {
	most int
	of   map[string]*past
}

type past struct {
	topics topics
	will   *mqtt.Will
	since  time.Duration
}

// remember keeps what a client needs that comes back. Without room the one who left
// first of a few goes: it will register its topics again.
func (l *lane) remember(c *client) {
	m := &l.remembered
	if m.of == nil {
		m.of = map[string]*past{}
	}
	if _, again := m.of[c.id]; !again && len(m.of) >= m.most {
		l.forgetOne()
	}
	if was := m.of[c.id]; was != nil {
		l.forgetTopics(&was.topics)
	}
	m.of[c.id] = &past{topics: c.topics, will: c.will, since: l.now}
	c.topics = topics{}
}

func (l *lane) forgetOne() {
	m, oldest, seen := &l.remembered, "", 0
	for id, p := range m.of {
		if oldest == "" || p.since < m.of[oldest].since {
			oldest = id
		}
		if seen++; seen == 8 {
			break
		}
	}
	if p := m.of[oldest]; p != nil {
		l.forgetTopics(&p.topics)
		delete(m.of, oldest)
	}
}

// recall takes what was kept of a client, if anything.
func (l *lane) recall(id string) past {
	p := l.remembered.of[id]
	if p == nil {
		return past{}
	}
	delete(l.remembered.of, id)
	return *p
}
