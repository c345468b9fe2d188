package web

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/wire/websocket"
)

const (
	keptFrames  = 4096 // a power of two
	makerShards = 16
)

// frames turns events into WebSocket frames, each once for all who watch, when
// the first of them needs it. It keeps the newest; who is further behind than
// that pays for their own.
type frames struct {
	things     *registry.Registry
	credential func(*roost.Thing) string
	app        func(roost.Ref) ThingApp
	kept       [keptFrames]atomic.Pointer[frame]
	making     [makerShards]sync.Mutex
}

// frame is one text message as it goes over the wire. It is shared: read only.
type frame struct {
	seq  uint64
	wire []byte
}

// of gives the frame of e.
func (f *frames) of(e *roost.Event) []byte {
	slot := &f.kept[e.Seq%keptFrames]
	if kept := slot.Load(); kept != nil && kept.seq == e.Seq {
		return kept.wire
	}
	making := &f.making[e.Seq%makerShards]
	making.Lock()
	defer making.Unlock()
	kept := slot.Load()
	if kept != nil && kept.seq == e.Seq {
		return kept.wire
	}
	fresh := &frame{seq: e.Seq, wire: websocket.AppendText(nil, f.encode(e))}
	if kept == nil || kept.seq < e.Seq {
		slot.Store(fresh)
	}
	return fresh.wire
}

// encode gives the JSON of e.
func (f *frames) encode(e *roost.Event) []byte {
	b := make([]byte, 0, 256)
	b = append(b, `{"type":"`...)
	b = append(b, kindName[e.Kind]...)
	b = append(b, `","seq":`...)
	b = strconv.AppendUint(b, e.Seq, 10)
	b = append(b, `,"thing":`...)
	b = appendText(b, e.Ref.Thing)
	b = f.appendTold(b, e)
	b = append(b, `,"at":`...)
	return append(appendMS(b, e.At), '}')
}

// appendTold appends what is particular to the kind of e.
func (f *frames) appendTold(b []byte, e *roost.Event) []byte {
	switch {
	case e.Kind == roost.Read:
		b = append(b, `,"resource":`...)
		b = appendText(b, e.Resource)
		b = append(b, `,"value":`...)
		b = appendValue(b, e.Value)
		return appendMeasure(b, e.Value)
	case e.Kind == roost.ThingChanged && e.Thing != nil:
		_, rs, _ := f.things.Get(e.Ref) // for the name that it calls itself
		app := f.app(e.Ref)
		b = append(b, `,"data":`...)
		return appendThing(b, e.Thing, shownName(e.Thing, rs), nil, f.credential(e.Thing), &app, false)
	case e.Kind == roost.AppChanged:
		return appendText(append(b, `,"app":`...), e.App)
	case e.Kind == roost.MessageArrived && e.Message != nil:
		b = strconv.AppendInt(append(b, `,"id":`...), e.Message.ID, 10)
		return appendValue(append(b, `,"value":`...), e.Message.Data)
	case e.Kind == roost.LogWritten && e.Line != nil:
		b = appendText(append(b, `,"level":`...), e.Line.Level)
		b = appendText(append(b, `,"text":`...), e.Line.Text)
		return appendText(append(b, `,"detail":`...), e.Line.Detail)
	case e.Kind == roost.CommandChanged && e.Command != nil:
		data, err := json.Marshal(shownCommand(*e.Command))
		if err != nil { // a value that is no JSON: say the rest
			return b
		}
		return append(append(b, `,"data":`...), data...)
	}
	return b
}

// kindName is what the stream calls each kind of event.
var kindName = [...]string{
	roost.Read: "reading", roost.ThingChanged: "thing", roost.ThingReset: "reset",
	roost.ThingForgotten: "forgotten", roost.CommandChanged: "command",
	roost.AppChanged: "app", roost.SoftwareChanged: "software", roost.MessageArrived: "message", roost.LogWritten: "log",
}

// batchEvents and batchBytes bound what one write to a watcher carries.
const (
	batchEvents = 128
	batchBytes  = 32 << 10
)

// batch is the working space of one write. Only those who have something to
// write hold one.
type batch struct {
	events [batchEvents]*roost.Event
	wire   []byte
}

var batches = sync.Pool{New: func() any { return &batch{wire: make([]byte, 0, batchBytes)} }}

// release clears b and gives it back.
func (b *batch) release() {
	clear(b.events[:])
	if cap(b.wire) <= 4*batchBytes {
		batches.Put(b)
	}
}

// never is for calls that are known not to wait.
var never = context.Background()
