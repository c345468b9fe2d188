package sim

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/mqttclient"
	"github.com/roost-iot/roost/wire/mqtt"
)

// mostAsks is how many questions may wait for a thing; what comes then is dropped.
const mostAsks = 64

// mqttNode is an MQTT thing of one of the styles.
type mqttNode struct {
	*device
	f    *Fleet
	dice *dice
	log  *slog.Logger
}

// MQTT makes MQTT things. Faults of c come out at Run. One alone, without a UID and
// Resources, is Pyaiot's MQTT test node by name and by what it has.
func MQTT(c Config) *Fleet {
	own := c.Count <= 1 && c.UID == "" && len(c.Resources) == 0 && c.Style != StyleNative
	if own {
		c.exact, c.UID, c.Resources = true, "mqtt_test_node", []string{"led", "temperature", "pressure"}
		if len(c.Names) == 0 {
			c.Names = []string{"MQTT test node"}
		}
	}
	return newFleet(c, "sim-mqtt-", func(f *Fleet, d *device, i int) node {
		if own {
			d.resources = append(d.resources, "ip")
			d.held["board"], d.held["ip"] = "HP", localAddress(c.To)
		}
		if c.Style == StylePycom {
			d.held["board"], d.held["os"] = "ESP8266", "micropython"
		}
		return &mqttNode{device: d, f: f, dice: newDice(f, i), log: f.log(d, string(roost.MQTT))}
	})
}

// localAddress is the address of this machine from which it would reach a broker.
func localAddress(to string) string {
	if _, host, found := strings.Cut(to, "://"); found {
		to, _, _ = strings.Cut(host, "/")
	}
	c, err := net.Dial("udp", to) // sends nothing
	if err != nil {
		return "127.0.0.1"
	}
	defer c.Close() //nolint:errcheck // nothing was written
	host, _, _ := net.SplitHostPort(c.LocalAddr().String())
	return host
}

// manner is how a thing speaks: the topics that it uses.
type manner interface {
	options(o *mqttclient.Options)
	arrived(ctx context.Context)                           // connected, maybe again
	asked(ctx context.Context, topic string, value []byte) // a message came
	sign(ctx context.Context)                              // it is time for a sign of life
	tell(ctx context.Context, resources []string)
	leave(ctx context.Context)
}

// mqttLife is a thing between its start and its leaving.
type mqttLife struct {
	*mqttNode
	manner
	client *mqttclient.Client
	qos    byte
	tasks  chan func(ctx context.Context) // by the goroutine that speaks
}

// live connects, again and again, until ctx ends.
func (n *mqttNode) live(ctx context.Context) error {
	l := &mqttLife{mqttNode: n, qos: 1, tasks: make(chan func(context.Context), mostAsks)}
	o := mqttclient.Options{
		Address: n.f.c.To, ClientID: n.id, User: n.f.c.User, Password: n.f.c.Password, CleanStart: true,
		Queue: 256, Retry: 500 * time.Millisecond, RetryMax: 15 * time.Second, Log: slog.New(slog.DiscardHandler),
		Connected: func(bool) { n.f.count.joined.Add(1); l.do(l.arrived) },
		Lost:      l.lost,
		Handle: func(p *mqtt.Publish) {
			topic, payload := p.Topic, append([]byte(nil), p.Payload...)
			l.do(func(ctx context.Context) { l.asked(ctx, topic, payload) })
		},
	}
	if n.f.c.Style == StyleNative {
		l.manner = &nativeManner{mqttLife: l}
	} else {
		l.manner = &nodeManner{mqttLife: l, pycom: n.f.c.Style == StylePycom}
	}
	l.options(&o)
	var err error
	if l.client, err = mqttclient.New(o); err != nil {
		return err
	}
	l.run(ctx)
	return nil
}

// run plays the thing until ctx ends, and lets it say goodbye.
func (l *mqttLife) run(ctx context.Context) {
	open, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var parts, client sync.WaitGroup
	client.Go(func() { l.client.Run(open) })
	parts.Go(func() { l.speak(ctx) })
	if slow, quick := l.sensed(); !l.f.c.Silent {
		parts.Go(func() { l.push(ctx, slow, l.f.c.Interval) })
		parts.Go(func() { l.push(ctx, quick, l.f.c.Interval/10) })
	}
	<-ctx.Done()
	parts.Wait()
	farewell, hurry := context.WithTimeout(open, goodbye)
	defer hurry()
	if l.client.Online() {
		l.leave(farewell)
	}
	end()
	client.Wait()
}

// lost counts why there is no connection.
func (l *mqttLife) lost(err error) {
	var refusal *mqtt.Error
	if errors.As(err, &refusal) {
		l.f.count.refused.Add(1)
	} else {
		l.f.count.lost.Add(1)
	}
	l.log.Debug("connection lost", "remote", l.f.c.To, "err", err)
}

// do lets the goroutine that speaks do something in its turn.
func (l *mqttLife) do(what func(ctx context.Context)) {
	select {
	case l.tasks <- what:
	default:
		l.f.count.declined.Add(1)
	}
}

// speak does what the thing is asked for, and gives signs of life.
func (l *mqttLife) speak(ctx context.Context) {
	beacon := time.NewTicker(l.f.c.Beacon)
	defer beacon.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case do := <-l.tasks:
			do(ctx)
		case <-beacon.C:
			if !l.f.c.Silent {
				l.sign(ctx)
			}
		}
	}
}

// push tells values at every interval until ctx ends.
func (l *mqttLife) push(ctx context.Context, resources []string, every time.Duration) {
	if len(resources) == 0 || !pause(ctx, rand.N(every)) {
		return
	}
	for first := true; first || pause(ctx, every); first = false {
		l.tell(ctx, resources)
	}
}

// publish says something that holds so many values.
func (l *mqttLife) publish(topic string, payload []byte, values int) {
	if l.dice.lost() {
		return
	}
	count := func(err error) {
		switch {
		case err == nil:
			l.f.count.sent.Add(uint64(values))
		case !errors.Is(err, mqttclient.ErrClosed):
			l.f.count.refused.Add(1)
			l.log.Debug("message not taken", "err", err)
		}
	}
	err := l.client.Enqueue(&mqtt.Publish{Topic: topic, QoS: l.qos, Payload: payload}, count)
	if l.qos == 0 && err == nil {
		count(nil)
	}
}

// json is a value as it stands in JSON: lists and objects as they are, else text.
func (d *device) json(resource string, at time.Time) roost.Value {
	v, _ := d.value(resource, at)
	if v != "" && (v[0] == '{' || v[0] == '[') {
		return roost.Value(v)
	}
	return roost.Text(v)
}
