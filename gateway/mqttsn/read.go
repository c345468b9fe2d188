package mqttsn

import (
	"context"
	"errors"
	"hash/maphash"
	"net"
	"os"
	"sync"

	"github.com/roost-iot/roost/wire/mqttsn"
)

// packet is one frame on its way to a lane.
type packet struct {
	conn Conn
	from key
	kind mqttsn.Type
	body []byte // of the frame; the packet's own
}

var packets = sync.Pool{New: func() any { return new(packet) }}

// free gives a packet back, with its room unless that is large.
func (p *packet) free() {
	if cap(p.body) > 2048 {
		p.body = nil
	}
	p.conn, p.from = nil, key{}
	packets.Put(p)
}

// read hands what a socket receives to the lanes until ctx ends.
func (d *Door) read(ctx context.Context, c Conn) error {
	buf := make([]byte, d.cfg.MaxDatagram+1)
	answers := c
	if c == d.cfg.Group {
		answers = d.cfg.Conns[0]
	}
	for {
		n, remote, err := c.ReadFromUDPAddrPort(buf)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case err != nil: // an ICMP error for something sent before
			continue
		}
		d.count.received.Add(1)
		if n > d.cfg.MaxDatagram {
			d.malformed(key{at: remote}, errLarge)
			continue
		}
		d.take(answers, key{at: remote}, buf[:n])
	}
}

var errLarge = errors.New("datagram too large")

func (d *Door) malformed(from key, err error) {
	d.count.malformed.Add(1)
	d.log.Debug("MQTT-SN datagram ignored", "protocol", protocol, "remote", from.at, "err", err)
}

// take opens a datagram and finds the lane for it.
func (d *Door) take(c Conn, from key, datagram []byte) {
	kind, body, rest, err := mqttsn.Scan(datagram)
	if err == nil && kind == mqttsn.TypeEncapsulated {
		var outer mqttsn.Encapsulated
		if outer, err = mqttsn.ReadEncapsulated(body, rest); err == nil {
			from.node = string(outer.Node)
			kind, body, rest, err = mqttsn.Scan(outer.Message)
		}
	}
	switch {
	case err != nil:
		d.malformed(from, err)
		return
	case len(rest) > 0:
		d.malformed(from, errRest)
		return
	}
	d.queue(c, from, kind, body)
}

var errRest = errors.New("more than one frame in a datagram")

// laneOf finds the lane of a frame. A frame that names its client goes where that
// client belongs, any other where the client at its address does.
func (d *Door) laneOf(from key, kind mqttsn.Type, body []byte) *lane {
	switch {
	case kind == mqttsn.TypeConnect && len(body) > 4:
		return d.laneOfID(body[4:])
	case kind == mqttsn.TypePingreq && len(body) > 0:
		return d.laneOfID(body)
	}
	if c := d.known.find(from); c != nil {
		return c.lane
	}
	return d.lanes[maphash.Comparable(d.seed, from)%uint64(len(d.lanes))]
}

func (d *Door) laneOfID(id []byte) *lane {
	return d.lanes[maphash.Bytes(d.seed, id)%uint64(len(d.lanes))]
}

// queue copies a frame into its lane. A full lane drops it, as a network would.
func (d *Door) queue(c Conn, from key, kind mqttsn.Type, body []byte) {
	size := int64(len(body)) + 64
	if d.queued.Add(size) > int64(d.cfg.LaneBytes) {
		d.queued.Add(-size)
		d.count.overrun.Add(1)
		return
	}
	p := packets.Get().(*packet)
	p.conn, p.from, p.kind, p.body = c, from, kind, append(p.body[:0], body...)
	select {
	case d.laneOf(from, kind, body).in <- p:
	default:
		p.free()
		d.queued.Add(-size)
		d.count.overrun.Add(1)
	}
}
