package mqttsn

import (
	"context"
	"time"

	"github.com/roost-iot/roost/wire/mqttsn"
)

// send writes one frame. What the system does not take is lost, as it could be on the
// way.
func send[M mqttsn.Message](l *lane, by Conn, to key, m M) {
	buf := l.out[:0]
	if to.node != "" {
		buf, _ = mqttsn.Encapsulated{Node: []byte(to.node)}.Append(buf) // it came as one, so it fits
	}
	buf, err := m.Append(buf)
	l.out = buf[:0]
	if err != nil {
		l.d.log.Error("MQTT-SN frame not sent", "protocol", protocol, "remote", to, "err", err)
		return
	}
	if _, err := by.WriteToUDPAddrPort(buf, to.at); err == nil {
		l.d.count.sent.Add(1)
	}
}

// reply answers a frame to where it came from.
func reply[M mqttsn.Message](l *lane, p *packet, m M) { send(l, p.conn, p.from, m) }

// advertise broadcasts now and then that the door is there.
func (d *Door) advertise(ctx context.Context) {
	seconds := min(d.cfg.Advertise/time.Second, 65535)
	frame, _ := mqttsn.Advertise{Gateway: d.cfg.GatewayID, Duration: uint16(seconds)}.Append(nil)
	tick := time.NewTicker(d.cfg.Advertise)
	defer tick.Stop()
	for {
		if _, err := d.cfg.Conns[0].WriteToUDPAddrPort(frame, d.cfg.AdvertiseTo); err != nil {
			d.log.Debug("MQTT-SN gateway not advertised", "protocol", protocol, "remote", d.cfg.AdvertiseTo, "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
