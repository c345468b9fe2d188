package agent

import (
	"sync"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/agent"
)

// Bounds of what is remembered of sessions. One that was never used is worth less: anybody
// can say hello in a thing's name.
const (
	mostProved   = 4 // of one thing
	mostUnproved = 8
	mostSessions = 250_000 // of all
)

// session is one hello of a thing.
type session struct {
	*wire.Session
	thing *thing
	from  string // the peer that said hello

	mu     sync.Mutex
	window wire.Window

	proved bool // somebody with the key used it; under sessions.mu
}

// take takes a counter of s, and tells whether it could be.
func (s *session) take(counter uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.window.Take(counter)
}

// sessions are all that are good.
type sessions struct {
	mu   sync.Mutex
	byID map[wire.SessionID]*session
	of   map[roost.Ref][]*session // the oldest first
	home map[roost.Ref]string     // the peer from which the holder of the key said hello last
}

func (all *sessions) find(id wire.SessionID) *session {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.byID[id]
}

// good tells that s is still one of them: its key may have been made void while it waited.
func (all *sessions) good(s *session) bool { return all.find(s.ID) == s }

// prove notes that s is used by who has the key.
func (all *sessions) prove(s *session) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if s.proved || all.byID[s.ID] != s {
		return
	}
	s.proved = true
	if all.home == nil {
		all.home = map[roost.Ref]string{}
	}
	all.home[s.thing.ref] = s.from
	all.trim(s.thing.ref, true, mostProved)
}

// begin adds the session that start makes of the key which a thing has now, and gives that
// key. One that is void is not used, though it is changed at this moment: a thing has its next
// key before its sessions are dropped.
func (all *sessions) begin(t *thing, start func(k wire.Key) *session) wire.Key {
	all.mu.Lock()
	defer all.mu.Unlock()
	key := wire.Key(t.now().Key)
	all.add(start(key))
	return key
}

// add adds s; the caller holds all.mu.
func (all *sessions) add(s *session) {
	if all.byID == nil || len(all.byID) >= mostSessions { // those that go on say hello again
		all.byID, all.of, all.home = map[wire.SessionID]*session{}, map[roost.Ref][]*session{}, map[roost.Ref]string{}
	}
	all.byID[s.ID] = s
	all.of[s.thing.ref] = append(all.of[s.thing.ref], s)
	all.trim(s.thing.ref, false, mostUnproved)
}

// trim forgets the oldest sessions of a thing, proved or not, beyond most: those first that
// others began than the address from which the thing itself came last. The caller holds all.mu.
func (all *sessions) trim(ref roost.Ref, proved bool, most int) {
	home, known := all.home[ref]
	have, foreign := 0, 0
	for _, s := range all.of[ref] {
		if s.proved == proved {
			have++
			if known && s.from != home {
				foreign++
			}
		}
	}
	var kept []*session
	for _, s := range all.of[ref] {
		stranger := known && s.from != home
		if s.proved != proved || have <= most || foreign > 0 && !stranger {
			kept = append(kept, s)
			continue
		}
		delete(all.byID, s.ID)
		have--
		if stranger {
			foreign--
		}
	}
	all.of[ref] = kept
}

// drop forgets all sessions of a thing.
func (all *sessions) drop(ref roost.Ref) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, s := range all.of[ref] {
		delete(all.byID, s.ID)
	}
	delete(all.of, ref)
	delete(all.home, ref)
}
