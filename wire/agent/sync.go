package agent

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/roost-iot/roost"
)

// MaxWait is how long a sync may ask to be held, in seconds.
const MaxWait = 25

// Bounds of what a sync brings.
const (
	mostEntries  = 256
	mostValues   = 128     // of an entry
	mostAnswers  = 64      // and commands that it says to have
	maxTime      = 1 << 52 // of an entry, in ms since 1970
	mostStatuses = 8
	mostDepth    = 64 // of lists and objects in a message: readers in other languages take no more than some hundred
)

// Kinds of entries of the queue.
const (
	EntryValues  = "tele"
	EntryMessage = "msg"
	EntryLog     = "log"
)

// Sync is the one call of a running thing.
type Sync struct {
	Boot   string            `json:"boot"`
	Up     int64             `json:"up"`   // ms since the boot
	Mem    int64             `json:"mem"`  // free bytes
	RSSI   int               `json:"rssi"` // dBm
	IP     string            `json:"ip"`
	Wait   int               `json:"wait"` // seconds, at most MaxWait
	Set    string            `json:"set"`  // tag of the settings that it has
	Queue  []Entry           `json:"q"`
	Again  int               `json:"again,omitempty"` // so many at the head of Queue were sent before
	Acks   []Ack             `json:"ack,omitempty"`
	Have   []string          `json:"have,omitempty"` // ids of commands that it was given
	Status map[string]Status `json:"st,omitempty"`   // by part, those that changed
	OS     string            `json:"os"`
	App    string            `json:"app"`
	Slots  *Slots            `json:"slots,omitempty"`
	Update *Progress         `json:"upd,omitempty"`
}

// Entry is a line of the queue: [time, kind, body].
type Entry struct {
	At   int64 // ms since 1970; no other entry of the thing has it
	Kind string
	Body roost.Value

	// Fault says why the entry is of no use; "": it is good. The queue goes on without it.
	Fault string
}

// MarshalJSON gives [time, kind, body].
func (e Entry) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{e.At, e.Kind, e.Body})
}

// UnmarshalJSON reads [time, kind, body]. Only an entry without a time is an error.
func (e *Entry) UnmarshalJSON(b []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	if len(parts) == 0 {
		return bad("an entry without a time")
	}
	if err := json.Unmarshal(parts[0], &e.At); err != nil || e.At <= 0 || e.At > maxTime {
		return bad("the time %.40s of an entry", parts[0])
	}
	if len(parts) != 3 || json.Unmarshal(parts[1], &e.Kind) != nil {
		e.Fault = "it is not [time, kind, body]"
		return nil
	}
	e.Body = roost.Value(parts[2])
	e.Fault = e.check()
	return nil
}

// check gives why an entry is of no use.
func (e *Entry) check() string {
	switch e.Kind {
	case EntryValues:
		if _, err := e.Values(); err != nil {
			return err.Error()
		}
	case EntryMessage:
		if deeper(e.Body, mostDepth) {
			return fmt.Sprintf("a message with more than %d lists and objects in each other", mostDepth)
		}
	case EntryLog:
		if _, _, _, err := e.Line(); err != nil {
			return err.Error()
		}
	default:
		return fmt.Sprintf("nothing is known of the kind %.40q", e.Kind)
	}
	return ""
}

// deeper tells whether more than most lists and objects are in each other; v is JSON.
func deeper(v roost.Value, most int) bool {
	b, depth := []byte(v), 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = stringEnd(b, i) - 1
		case '[', '{':
			if depth++; depth > most {
				return true
			}
		case ']', '}':
			depth--
		}
	}
	return false
}

// Pair is a name and its value.
type Pair struct {
	Name  string
	Value roost.Value
}

// Values gives the first 128 of a tele entry, in their order. Objects, lists, null and what
// has no name or a long one are left out. Errors wrap ErrMessage.
func (e *Entry) Values() ([]Pair, error) { return pairs(e.Body) }

// Scalars gives the first 128 numbers, truth values and texts of an object, in its order;
// none if v is no object.
func Scalars(v roost.Value) []Pair {
	p, _ := pairs(v)
	return p
}

func pairs(v roost.Value) ([]Pair, error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(v)))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, bad("values are an object")
	}
	var list []Pair
	for dec.More() {
		name, err := dec.Token()
		var raw json.RawMessage
		if err != nil || dec.Decode(&raw) != nil {
			return list, bad("values are an object")
		}
		key, _ := name.(string)
		if key == "" || len(key) > maxText || raw[0] == '{' || raw[0] == '[' || raw[0] == 'n' {
			continue
		}
		if list = append(list, Pair{key, roost.Value(raw)}); len(list) == mostValues {
			break
		}
	}
	return list, nil
}

// Line gives level, text and detail of a log entry. Errors wrap ErrMessage.
func (e *Entry) Line() (level, text, detail string, err error) {
	var parts []string
	if json.Unmarshal([]byte(e.Body), &parts) != nil || len(parts) < 2 || len(parts) > 3 {
		return "", "", "", bad("a line is [level, text, detail?]")
	}
	level, text = parts[0], parts[1]
	if level != "info" && level != "warn" && level != "error" {
		return "", "", "", bad("the level %.40q", level)
	}
	if len(parts) == 3 {
		detail = parts[2]
	}
	return level, text, detail, nil
}

// Ack is a thing's answer to a command.
type Ack struct {
	ID   string      `json:"id"`
	OK   bool        `json:"ok"`
	Body roost.Value `json:"body,omitempty"`
}

// Status says how a part of a thing is doing.
type Status struct {
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// Progress says where an update stands.
type Progress struct {
	Kind  string `json:"kind"` // KindApp or KindOS
	Ver   string `json:"ver"`
	State string `json:"state"`
	Done  int64  `json:"done,omitempty"` // bytes
	Of    int64  `json:"of,omitempty"`   // bytes
	Why   string `json:"why,omitempty"`
}

// States of Progress.
const (
	Fetching  = "fetching"
	Installed = "installed"
	Refused   = "refused"
	Confirmed = "confirmed"
	Returned  = "returned" // the version failed in its trial
	Held      = "held"     // it may do another time; Why tells for what it waits
)

// Answer is the answer to a sync.
type Answer struct {
	Now      int64     `json:"now"`            // ms since 1970
	Upto     int64     `json:"upto,omitempty"` // entries to this time are on disk; 0: none were brought, or could be kept
	Settings *Settings `json:"settings,omitempty"`
	Commands []Command `json:"cmds,omitempty"`
	Update   *Update   `json:"update,omitempty"`
	Again    bool      `json:"again,omitempty"` // there is more: ask at once
}

// Command is what a thing is asked.
type Command struct {
	ID   string      `json:"id"`
	Kind string      `json:"kind"` // a roost.CommandKind
	Body roost.Value `json:"body,omitempty"`
}

// SetBody is the body of a Command of the kind set.
type SetBody struct {
	Name  string      `json:"name"`
	Value roost.Value `json:"value"`
}

// ParseSync reads a sync. Errors wrap ErrMessage.
func ParseSync(b []byte) (Sync, error) {
	var s Sync
	if err := read(mend(b), &s); err != nil {
		return s, err
	}
	if !isHex(s.Boot, 8) {
		return s, bad("boot is 8 hex digits in lower case")
	}
	s.Wait = max(0, min(s.Wait, MaxWait))
	if len(s.Queue) > mostEntries || len(s.Acks) > mostAnswers || len(s.Have) > mostAnswers || len(s.Status) > mostStatuses {
		return s, bad("too many entries, answers or statuses")
	}
	if s.Again < 0 || s.Again > len(s.Queue) {
		return s, bad("again counts entries of q")
	}
	return s, s.checkLists()
}

func (s *Sync) checkLists() error {
	for i := 1; i < len(s.Queue); i++ {
		if s.Queue[i].At <= s.Queue[i-1].At {
			return bad("the times of entries rise")
		}
	}
	for _, a := range s.Acks {
		if err := texts(maxText, a.ID); err != nil {
			return err
		}
	}
	for part, st := range s.Status {
		if len(st.Text) > maxTraceback {
			st.Text = st.Text[len(st.Text)-maxTraceback:]
			s.Status[part] = st
		}
		if err := texts(maxText, part); err != nil {
			return err
		}
	}
	if s.Slots != nil {
		if err := s.Slots.check(); err != nil {
			return err
		}
	}
	if err := s.Update.check(); err != nil {
		return err
	}
	return firstOf(texts(maxText, s.Set, s.IP, s.OS, s.App), texts(maxText, s.Have...))
}

func (p *Progress) check() error {
	if p == nil {
		return nil
	}
	if len(p.Why) > maxTraceback {
		p.Why = p.Why[:maxTraceback]
	}
	if p.Done < 0 || p.Of < 0 {
		return bad("progress below 0")
	}
	return texts(maxText, p.Kind, p.Ver, p.State)
}

// ParseAnswer reads the answer to a sync, on a thing's side. Errors wrap ErrMessage.
func ParseAnswer(b []byte) (Answer, error) {
	var a Answer
	if err := json.Unmarshal(b, &a); err != nil {
		return a, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return a, nil
}
