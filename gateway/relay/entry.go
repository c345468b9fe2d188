package relay

import (
	"time"

	"github.com/roost-iot/roost"
)

// Kind says what an entry tells.
type Kind byte

// The kinds of entries.
const (
	Arrived  Kind = iota + 1 // a thing made itself heard
	Reported                 // it sent values
	Answered                 // it ended a command by its own word
	Left                     // it is gone
	Begun                    // a command is about to be handed to its door
	Ended                    // what the door said of that
)

// Outcome is what became of a command at its far door.
type Outcome byte

// The outcomes.
const (
	Taken  Outcome = iota + 1 // the thing has it
	Asleep                    // command.ErrAsleep
	Gone                      // command.ErrGone
	Late                      // it expired while the door tried
	Failed                    // the door's or the thing's error
)

// Key names a thing on one line: by its door and its own id.
type Key struct{ Door, Own string }

// Entry is one thing that happened at a far gateway.
type Entry struct {
	Kind Kind
	Key  Key
	At   time.Time

	Protocol  roost.Protocol   // Arrived
	Address   string           // Arrived
	Restarted bool             // Arrived
	Values    []roost.Resource // Reported

	Command string             // Answered, Begun, Ended: its id
	State   roost.CommandState // Answered: Done or Failed
	Value   roost.Value        // Answered
	Outcome Outcome            // Ended
	Error   string             // Answered, Ended: for people
	Fault   roost.ErrorKind    // Ended with Failed
}

// Bounds of an entry, in bytes.
const (
	maxWord  = 512     // ids, names, addresses, sentences
	maxValue = 1 << 20 // one value
	maxEntry = 4 << 20
)

// maxValues is how many values one entry holds.
const maxValues = 4096

// Append appends e as docs/protocols/relay.md writes it.
func (e *Entry) Append(dst []byte) []byte {
	dst = append(dst, byte(e.Kind))
	dst = appendInt(dst, e.At.UnixNano())
	dst = appendString(appendString(dst, e.Key.Door), e.Key.Own)
	switch e.Kind {
	case Arrived:
		dst = appendString(appendString(dst, string(e.Protocol)), e.Address)
		dst = appendBool(dst, e.Restarted)
	case Reported:
		dst = appendUint(dst, uint64(len(e.Values)))
		for i := range e.Values {
			v := &e.Values[i]
			dst = appendString(appendString(dst, v.Name), string(v.Value))
			dst = appendInt(dst, int64(v.At.Sub(e.At)))
			dst = appendBool(dst, v.Writable)
		}
	case Answered:
		dst = appendString(dst, e.Command)
		dst = appendBool(dst, e.State == roost.Done)
		dst = appendString(appendString(dst, string(e.Value)), e.Error)
	case Begun:
		dst = appendString(dst, e.Command)
	case Ended:
		dst = appendString(dst, e.Command)
		dst = append(dst, byte(e.Outcome), byte(e.Fault))
		dst = appendString(dst, e.Error)
	}
	return dst
}

// ParseEntry reads one entry. An entry of a kind that it does not know has nothing
// but its kind, time and thing: a newer far end may send such.
func ParseEntry(b []byte) (Entry, error) {
	r := reader{b: b}
	e := Entry{Kind: Kind(r.byte())}
	at := r.int()
	e.At = time.Unix(0, at)
	e.Key.Door, e.Key.Own = r.string(maxWord), r.string(maxWord)
	switch e.Kind {
	case Arrived:
		e.Protocol, e.Address = roost.Protocol(r.string(maxWord)), r.string(maxWord)
		e.Restarted = r.bool()
	case Reported:
		e.Values = r.values(e.At)
	case Answered:
		e.Command = r.string(maxWord)
		e.State = roost.Failed
		if r.bool() {
			e.State = roost.Done
		}
		e.Value, e.Error = roost.Value(r.string(maxValue)), r.string(maxWord)
	case Begun:
		e.Command = r.string(maxWord)
	case Ended:
		e.Command = r.string(maxWord)
		e.Outcome, e.Fault = Outcome(r.byte()), roost.ErrorKind(r.byte())
		e.Error = r.string(maxWord)
	}
	return e, r.end("entry")
}

func (r *reader) values(at time.Time) []roost.Resource {
	n := r.count(maxValues)
	if n == 0 {
		return nil
	}
	list := make([]roost.Resource, 0, min(n, 64))
	for range n {
		v := roost.Resource{Name: r.string(maxWord), Value: roost.Value(r.string(maxValue))}
		v.At = at.Add(time.Duration(r.int()))
		v.Writable = r.bool()
		if r.err != nil {
			return nil
		}
		list = append(list, v)
	}
	return list
}
