package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/roost-iot/roost/wire/mqtt"
)

// record is one change to what the journal keeps. docs/format/broker.md draws them.
type record struct {
	kind    recordKind
	qos     byte
	marks   byte // an item's marks, a subscription's flags
	again   bool // not for the first time: the log may have it already
	id      uint16
	number  uint32 // expiry of a session, s; id of a subscription
	session uint64
	seq     uint64
	at      int64 // Unix ms
	m       *Message
	text    string // client id, filter, topic
	ids     []uint32
}

type recordKind byte

const (
	recordNothing recordKind = iota
	recordSession
	recordEnd
	recordSubscribe
	recordUnsubscribe
	recordMessage
	recordItem
	recordState
	recordDrop
	recordInbound
	recordRelease
	recordRetain
	recordForget
)

// formatVersion is the first byte of every entry.
const formatVersion = 1

// keptMarks are the marks of an item that outlive the process.
const keptMarks = retain | sent | released

func (r *record) append(dst []byte) []byte {
	dst = append(dst, byte(r.kind))
	switch r.kind {
	case recordSession:
		dst = binary.AppendUvarint(dst, r.session)
		dst = appendText(dst, r.text)
		dst = binary.AppendUvarint(dst, uint64(r.number))
		return binary.AppendUvarint(dst, uint64(r.at))
	case recordEnd:
		return binary.AppendUvarint(dst, r.session)
	case recordSubscribe:
		dst = appendText(binary.AppendUvarint(dst, r.session), r.text)
		dst = binary.AppendUvarint(dst, uint64(r.number))
		return append(dst, r.qos, r.marks)
	case recordUnsubscribe:
		return appendText(binary.AppendUvarint(dst, r.session), r.text)
	case recordItem:
		return r.appendItem(dst)
	case recordState:
		dst = r.appendPlace(dst)
		return append(dst, byte(r.id>>8), byte(r.id), r.marks)
	case recordDrop:
		return r.appendPlace(dst)
	case recordInbound, recordRelease:
		dst = binary.AppendUvarint(dst, r.session)
		return append(dst, byte(r.id>>8), byte(r.id))
	case recordRetain:
		return binary.AppendUvarint(dst, r.m.state.number)
	case recordForget:
		return appendText(dst, r.text)
	}
	return dst
}

func (r *record) appendPlace(dst []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(dst, r.session), r.seq)
}

func (r *record) appendItem(dst []byte) []byte {
	dst = r.appendPlace(dst)
	var number uint64 // 0: the client has the message already
	if r.m != nil {
		number = r.m.state.number
	}
	dst = binary.AppendUvarint(dst, number)
	dst = append(dst, r.qos, r.marks, byte(r.id>>8), byte(r.id))
	dst = binary.AppendUvarint(dst, uint64(len(r.ids)))
	for _, id := range r.ids {
		dst = binary.AppendUvarint(dst, uint64(id))
	}
	return dst
}

// appendMessage adds the record of a message: as a PUBLISH of MQTT 5, with what that
// does not say before it.
func appendMessage(dst []byte, m *Message) []byte {
	dst = append(dst, byte(recordMessage))
	dst = binary.AppendUvarint(dst, m.state.number)
	flags := m.QoS
	if m.Retain {
		flags |= 4
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, uint64(m.state.expires/1e6))
	dst = appendText(dst, m.From)
	p := mqtt.Publish{Topic: m.Topic, Payload: m.Payload}
	if m.Props != nil {
		p.Props = *m.Props
	}
	dst = binary.AppendUvarint(dst, uint64(p.Size(mqtt.V5)))
	return p.Append(dst, mqtt.V5)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

var errEntry = errors.New("an entry of the broker's journal is damaged")

// entryReader reads an entry's fields; after the first fault, zeros.
type entryReader struct {
	b   []byte
	bad bool
}

func (r *entryReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *entryReader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *entryReader) id() uint16 { return uint16(r.byte())<<8 | uint16(r.byte()) }

func (r *entryReader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *entryReader) text() string { return string(r.bytes()) }

// readEntry gives an entry's records one by one. Messages that records name must have
// come before, in this entry or another: messages has them.
func readEntry(entry []byte, messages map[uint64]*Message, each func(*record)) error {
	r := entryReader{b: entry}
	if v := r.byte(); v != formatVersion {
		return fmt.Errorf("%w: it has format %d", errEntry, v)
	}
	for len(r.b) > 0 {
		rec, err := r.record(messages)
		if err != nil {
			return err
		}
		if rec.kind != recordMessage {
			each(&rec)
		}
	}
	return nil
}

func (r *entryReader) record(messages map[uint64]*Message) (rec record, err error) {
	rec.kind = recordKind(r.byte())
	switch rec.kind {
	case recordSession:
		rec.session, rec.text, rec.number, rec.at = r.uvarint(), r.text(), uint32(r.uvarint()), int64(r.uvarint())
	case recordEnd:
		rec.session = r.uvarint()
	case recordSubscribe:
		rec.session, rec.text, rec.number, rec.qos, rec.marks = r.uvarint(), r.text(), uint32(r.uvarint()), r.byte(), r.byte()
	case recordUnsubscribe:
		rec.session, rec.text = r.uvarint(), r.text()
	case recordMessage:
		r.message(messages)
	case recordItem:
		r.item(&rec, messages)
	case recordState:
		rec.session, rec.seq, rec.id, rec.marks = r.uvarint(), r.uvarint(), r.id(), r.byte()
	case recordDrop:
		rec.session, rec.seq = r.uvarint(), r.uvarint()
	case recordInbound, recordRelease:
		rec.session, rec.id = r.uvarint(), r.id()
	case recordRetain:
		if rec.m = messages[r.uvarint()]; rec.m == nil {
			r.bad = true
		}
	case recordForget:
		rec.text = r.text()
	default:
		r.bad = true
	}
	if r.bad {
		return rec, fmt.Errorf("%w: record of kind %d", errEntry, rec.kind)
	}
	return rec, nil
}

func (r *entryReader) item(rec *record, messages map[uint64]*Message) {
	rec.session, rec.seq = r.uvarint(), r.uvarint()
	number := r.uvarint()
	rec.qos, rec.marks, rec.id = r.byte(), r.byte(), r.id()
	if number != 0 {
		rec.m = messages[number]
	}
	if rec.m == nil && rec.marks&byte(released) == 0 || rec.qos < 1 || rec.qos > 2 {
		r.bad = true
	}
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		rec.ids = append(rec.ids, uint32(r.uvarint()))
	}
}

func (r *entryReader) message(messages map[uint64]*Message) {
	number, flags := r.uvarint(), r.byte()
	expires, from, packet := int64(r.uvarint()), r.text(), slices.Clone(r.bytes())
	var p mqtt.Publish
	if r.bad || p.Parse(mqtt.V5, packet) != nil || p.QoS != 0 || flags > 7 || flags&3 == 3 || expires > 1<<43 {
		r.bad = true
		return
	}
	m := &Message{Topic: p.Topic, Payload: p.Payload, QoS: flags & 3, Retain: flags&4 != 0, From: from}
	if !p.Props.None() {
		m.Props = cloneProps(&p.Props)
	}
	m.state.own, m.state.ownV5 = packet, true
	m.state.number, m.state.expires = number, expires*1e6
	messages[number] = m
}
