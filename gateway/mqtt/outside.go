package mqtt

import (
	"context"
	"net/url"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway/broker"
	"github.com/roost-iot/roost/gateway/mqttclient"
	"github.com/roost-iot/roost/wire/mqtt"
)

// outside is a broker that is not ours, as Pyaiot has it: we are a client of it, and
// take what things say there. Who may say what is that broker's business.
type outside struct {
	d       *Door
	client  *mqttclient.Client
	address string // without user and password
}

// maxPause is the longest pause between attempts to connect: things wait for us.
const maxPause = 5 * time.Second

// lasting is how long our session there outlives us, in seconds.
const lasting = 3600

// heardOutside is what things say. The filters select no topic twice, for some brokers
// would then send it twice.
var heardOutside = []string{
	checkTopic, "node/+/+",
	"roost/+/readings/#", "roost/+/status", "roost/+/reply",
}

func newOutside(d *Door) (*outside, error) {
	o := &outside{d: d, address: plainAddress(d.cfg.Outside)}
	options := mqttclient.Options{
		Address: d.cfg.Outside, ClientID: d.cfg.OutsideID, CleanStart: d.cfg.OutsideID == "",
		HandleAll: o.handle, Connected: o.entered, RetryMax: maxPause, Log: d.log,
	}
	if d.cfg.OutsideID != "" {
		options.SessionExpiry = lasting
	}
	for _, f := range heardOutside {
		options.Subscriptions = append(options.Subscriptions, mqtt.Subscription{Filter: f, QoS: 1})
	}
	var err error
	o.client, err = mqttclient.New(options)
	return o, err
}

// plainAddress is an address without what it says of who we are.
func plainAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	return u.Host
}

func (o *outside) run(ctx context.Context) { o.client.Run(ctx) }

// entered asks nodes to make themselves heard, and goes on with what waited for the
// connection.
func (o *outside) entered(bool) {
	o.d.log.Info("connected to the MQTT broker", "remote", o.address)
	_ = o.say(message{topic: beaconTopic}) // it has been logged, and the next one comes
	for _, n := range o.d.nodes.owedBy(o) {
		_ = n.arrive(o.d.life) // its commands are tried again; what it says will tell
	}
}

// handle takes messages, in the goroutine that reads: the next ones, and the
// acknowledgement of these, come when the rooms have them.
func (o *outside) handle(ps []*mqtt.Publish) {
	b := burst{d: o.d, ctx: o.d.life, source: source{carrier: o}}
	pubs := make([]*broker.Publication, len(ps))
	for i, p := range ps {
		pubs[i] = &broker.Publication{Publish: *p}
	}
	b.take(pubs)
}

func (o *outside) say(m message) error {
	p := &mqtt.Publish{QoS: 1, Topic: m.topic, Payload: m.payload}
	if m.props != nil {
		p.Props = *m.props
	}
	if err := o.client.Enqueue(p, nil); err != nil {
		o.d.log.Warn("message not sent to the MQTT broker", "remote", o.address, "err", err)
		return roost.Because(roost.Unavailable, err, "The MQTT broker of the thing does not take messages at present.")
	}
	return nil
}

func (o *outside) hears(string) bool { return true }
func (o *outside) tells() bool       { return false }
func (o *outside) connected() bool   { return o.client.Online() }
