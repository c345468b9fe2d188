package sim

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/wire/mqttsn"
)

// keepAlive is what emcute says in CONNECT, s, and how often it pings.
const keepAlive = 360

// betweenSteps is what Pyaiot's RIOT firmware leaves between its first publications.
const betweenSteps = time.Second

// mqttsnNode is a RIOT node with emcute (docs/protocols/mqtt-sn.md). Without resources
// that can be set it subscribes to nothing, as Pyaiot's weather node.
type mqttsnNode struct {
	*device
	f   *Fleet
	i   int
	log *slog.Logger
}

// MQTTSN makes MQTT-SN nodes. Faults of c come out at Run.
func MQTTSN(c Config) *Fleet {
	return newFleet(c, "sim-mqttsn-", func(f *Fleet, d *device, i int) node {
		return &mqttsnNode{device: d, f: f, i: i, log: f.log(d, string(roost.MQTTSN))}
	})
}

// snLife is a node between boot and leaving.
type snLife struct {
	*mqttsnNode
	*snLine
	topics  map[uint16]string // subscribed, by the ids they got
	changed []string          // resources that were set and not yet told
	asked   []string          // discoveries not yet answered
	checked time.Time
	told    time.Time // slow values
	quick   time.Time // imu
}

// mostChanged is how many sets may wait to be told; what comes then is told as one.
const mostChanged = 64

// live boots the node and plays it until ctx ends.
func (n *mqttsnNode) live(ctx context.Context) error {
	line, err := n.open(ctx)
	if err != nil {
		return err
	}
	defer line.hangUp()
	l := &snLife{mqttsnNode: n, snLine: line}
	line.handle = l.message
	for failures := 0; ; failures++ {
		l.topics, l.changed, l.asked = map[uint16]string{}, nil, nil
		began := time.Now()
		err := l.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		n.failed(err)
		if time.Since(began) > time.Minute {
			failures = 0
		}
		if !pause(ctx, backOff(failures)) {
			return nil
		}
	}
}

// failed counts why a session ended.
func (n *mqttsnNode) failed(err error) {
	if errors.Is(err, errRefused) {
		n.f.count.refused.Add(1)
	} else {
		n.f.count.lost.Add(1)
	}
	n.log.Debug("session ended", "remote", n.f.c.To, "err", err)
}

// session connects, tells what there is, and plays the node until something fails.
func (l *snLife) session(ctx context.Context) error {
	if err := l.connect(ctx, true); err != nil {
		return err
	}
	l.f.count.joined.Add(1)
	if err := l.subscribeAll(ctx); err != nil {
		return err
	}
	if err := l.introduce(ctx); err != nil {
		return err
	}
	for {
		step := l.stayAwake
		if l.f.c.Sleep > 0 {
			step = l.sleep
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
}

func (l *snLife) connect(ctx context.Context, clean bool) error {
	c := mqttsn.Connect{Clean: clean, Duration: keepAlive, ClientID: l.id}
	return l.request(ctx, c, func(m mqttsn.Message) (bool, error) {
		a, ok := m.(mqttsn.Connack)
		return ok, refused(a.Code)
	})
}

// subscribeAll asks for what concerns the node, if anything of it can be set.
func (l *snLife) subscribeAll(ctx context.Context) error {
	var names []string
	for _, r := range l.resources {
		if roost.Settable(r) {
			names = append(names, "gateway/"+l.id+"/"+r+"/set")
		}
	}
	if len(names) > 0 {
		names = append(names, "gateway/"+l.id+"/discover")
	}
	for _, name := range names {
		id := l.nextID()
		q := mqttsn.Subscribe{QoS: mqttsn.QoS1, MsgID: id, Topic: mqttsn.Topic{Name: name}}
		err := l.request(ctx, q, func(m mqttsn.Message) (bool, error) {
			a, ok := m.(mqttsn.Suback)
			if ok = ok && a.MsgID == id; ok {
				l.topics[a.TopicID] = name
			}
			return ok, refused(a.Code)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// introduce says what the firmware says after its start.
func (l *snLife) introduce(ctx context.Context) error {
	space := min(betweenSteps, l.f.c.Interval)
	if err := l.check(ctx, `{"id": `); err != nil {
		return err
	}
	if err := l.listen(ctx, space); err != nil {
		return err
	}
	if err := l.list(ctx); err != nil {
		return err
	}
	if err := l.listen(ctx, space); err != nil {
		return err
	}
	l.told, l.quick = time.Now(), time.Now()
	return l.tell(ctx, l.resources)
}

// check says that the node is there.
func (l *snLife) check(ctx context.Context, begin string) error {
	l.checked = time.Now()
	return l.publish(ctx, "node/check", begin+string(roost.Text(l.id))+"}", 0)
}

// list says which resources there are.
func (l *snLife) list(ctx context.Context) error {
	names := make([]string, len(l.resources))
	for i, r := range l.resources {
		names[i] = string(roost.Text(r))
	}
	return l.publish(ctx, "node/"+l.id+"/resources", "["+strings.Join(names, ",")+"]", 0)
}

func (l *snLife) tell(ctx context.Context, resources []string) error {
	for _, r := range resources {
		v, _ := l.value(r, time.Now())
		if err := l.publish(ctx, "node/"+l.id+"/"+r, `{"value":`+string(roost.Text(v))+"}", 1); err != nil {
			return err
		}
	}
	return nil
}

// stayAwake says what is due, or hears what comes until something is.
func (l *snLife) stayAwake(ctx context.Context) error {
	if err := l.due(ctx); err != nil {
		return err
	}
	wait := time.Until(l.pinged.Add(keepAlive * time.Second))
	if slow, quick := l.sensed(); !l.f.c.Silent {
		wait = min(wait, time.Until(l.checked.Add(l.f.c.Beacon)))
		if len(slow) > 0 {
			wait = min(wait, time.Until(l.told.Add(l.f.c.Interval)))
		}
		if len(quick) > 0 {
			wait = min(wait, time.Until(l.quick.Add(l.f.c.Interval/10)))
		}
	}
	return l.listen(ctx, wait)
}

// due says what it is time for, and what was asked for.
func (l *snLife) due(ctx context.Context) error {
	now := time.Now()
	slow, quick := l.sensed()
	var say []string
	if !l.f.c.Silent && now.Sub(l.told) >= l.f.c.Interval {
		l.told, say = now, append(say, slow...)
	}
	if !l.f.c.Silent && now.Sub(l.quick) >= l.f.c.Interval/10 {
		l.quick, say = now, append(say, quick...)
	}
	say, l.changed = append(l.changed, say...), nil
	if err := l.tell(ctx, say); err != nil {
		return err
	}
	for len(l.asked) > 0 {
		what := l.asked[0]
		l.asked = l.asked[1:]
		if err := l.discovered(ctx, what); err != nil {
			return err
		}
	}
	if !l.f.c.Silent && now.Sub(l.checked) >= l.f.c.Beacon {
		return l.check(ctx, `{"id":`)
	}
	return nil
}

func (l *snLife) discovered(ctx context.Context, what string) error {
	l.f.count.asked.Add(1)
	if what == "resources" {
		return l.list(ctx)
	}
	return l.tell(ctx, l.resources)
}

// sleep sleeps once, wakes for what waits, and says what is due: for that it must
// connect, and keeps what it has.
func (l *snLife) sleep(ctx context.Context) error {
	seconds := min(max((l.f.c.Sleep+time.Second-1)/time.Second, 1), 65535)
	err := l.request(ctx, mqttsn.Disconnect{Sleep: true, Duration: uint16(seconds)}, func(m mqttsn.Message) (bool, error) {
		_, ok := m.(mqttsn.Disconnect)
		return ok, nil
	})
	if err != nil {
		return err
	}
	if !pause(ctx, l.f.c.Sleep) {
		return ctx.Err()
	}
	err = l.request(ctx, mqttsn.Pingreq{ClientID: l.id}, func(m mqttsn.Message) (bool, error) {
		switch m.(type) {
		case mqttsn.Pingresp:
			return true, nil
		case mqttsn.Disconnect:
			return true, errRefused
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	if l.f.c.Silent && len(l.changed)+len(l.asked) == 0 {
		return nil
	}
	if err := l.connect(ctx, false); err != nil {
		return err
	}
	return l.due(ctx)
}

// message takes what was published for the node, as emcute does: its first answer
// says whether it has understood.
func (l *snLife) message(m mqttsn.Publish) mqttsn.ReturnCode {
	if m.Dup || m.QoS == mqttsn.QoS2 || m.QoS == mqttsn.QoSMinus1 || m.Kind == mqttsn.Predefined {
		return mqttsn.NotSupported
	}
	topic, known := l.topics[m.Topic]
	if !known {
		return mqttsn.InvalidTopicID
	}
	rest := strings.TrimPrefix(topic, "gateway/"+l.id+"/")
	resource, isSet := strings.CutSuffix(rest, "/set")
	switch {
	case !isSet:
		if len(l.asked) < mostChanged {
			l.asked = append(l.asked, string(m.Data))
		}
	case l.set(resource, string(m.Data)) != nil:
		l.f.count.declined.Add(1)
	default:
		l.f.count.sets.Add(1)
		if len(l.changed) < mostChanged {
			l.changed = append(l.changed, resource)
		}
	}
	return mqttsn.Accepted
}

// open opens the node's socket; towards this machine it hears this machine only.
func (n *mqttsnNode) open(ctx context.Context) (*snLine, error) {
	gateway, err := resolve(n.f.c.To)
	if err != nil {
		return nil, err
	}
	at := &net.UDPAddr{}
	if gateway.Addr().IsLoopback() {
		at.IP = gateway.Addr().AsSlice()
	}
	network := "udp4"
	if gateway.Addr().Is6() {
		network = "udp6"
	}
	return newSNLine(ctx, n, network, at, gateway)
}
