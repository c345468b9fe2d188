package mqtt

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/wire/mqtt"
)

// scheme is whose topics a thing uses.
type scheme uint8

const (
	unsaid       scheme = iota
	pyaiotTopics        // node/ID/…, gateway/ID/…
	roostTopics         // roost/ID/…
)

// node is one thing and the gateway.Link to it.
type node struct {
	d     *Door
	own   string
	heard atomic.Int64 // time since the door was made, ns
	owed  atomic.Bool  // a command waits for it
	gone  atomic.Bool  // out of the table: whoever still holds it lets it be

	turn sync.Mutex // its arrivals come one by one; the rooms are asked under it

	mu         sync.Mutex
	ref        roost.Ref
	arrived    bool // ref is known
	scheme     scheme
	introduced bool // what Pyaiot's gateway says of every node is said
	listed     bool // it has said what it has

	// Guarded by nodes.mu.
	carrier carrier
	speaker *visitor // the connection that it is here by; nil: none of ours
	session string   // of speaker, in the broker
	asleep  bool     // its connection has ended, its session waits
	bound   bool     // it is here as long as its connection
}

// carrier is the way from us to things: the broker in the house or the one outside.
type carrier interface {
	say(m message) error     // an error: it is not on its way
	hears(topic string) bool // somebody who may be the thing would get it
	tells() bool             // it knows who listens to what; else hears is always true
	connected() bool
}

// message is what we say; always with QoS 1, never retained.
type message struct {
	topic   string
	payload []byte
	props   *mqtt.PublishProps
}

// thing is the node's thing, and whether it has arrived at all.
func (n *node) thing() (roost.Ref, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ref, n.arrived
}

func (n *node) speaks(s scheme) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s != unsaid {
		n.scheme = s
	}
}

func (n *node) talk() scheme {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.scheme
}

// introduce says what Pyaiot's gateway says of every node first, once. news: it was
// said now.
func (n *node) introduce(ctx context.Context, protocol roost.Protocol) (news bool, err error) {
	n.mu.Lock()
	ref, done := n.ref, n.introduced || n.scheme != pyaiotTopics
	n.mu.Unlock()
	if done {
		return false, nil
	}
	err = n.d.cfg.Core.Report(ctx, ref, []roost.Resource{
		{Name: "id", Value: roost.Text(n.own)},
		{Name: "protocol", Value: roost.Text(string(protocol))},
	})
	if err != nil {
		return false, err
	}
	n.mu.Lock()
	n.introduced = true
	n.mu.Unlock()
	return true, nil
}

// ask asks the node for what it has, in the topics that it knows.
func (n *node) ask(c carrier, id string) (err error) {
	s := n.talk()
	if s != roostTopics {
		err = c.say(message{topic: discoverTopic(n.own), payload: []byte("resources")})
	}
	if s != pyaiotTopics && (s == roostTopics || c.hears(commandTopic(n.own))) {
		err = errors.Join(err, c.say(n.command(roost.Command{ID: id, Kind: roost.Refresh})))
	}
	return err
}

// Send implements gateway.Link. What is handed to the broker is sent; the thing's own
// report or reply makes it done. A thing whose session waits for it is asleep: nothing
// is left in the broker that would be carried out long after its time.
func (n *node) Send(ctx context.Context, c roost.Command) error {
	way, asleep := n.way()
	switch {
	case n.gone.Load():
		return command.ErrGone
	case asleep, !way.connected():
		n.owed.Store(true)
		return command.ErrAsleep
	case c.Kind == roost.Refresh:
		if _, err := n.introduce(ctx, n.protocol()); err != nil {
			return err
		}
		return n.ask(way, c.ID)
	case c.Kind == roost.Set:
		return n.set(way, c)
	}
	return roost.Errorf(roost.Invalid, "An MQTT thing has no %q.", c.Kind)
}

// set says it in the topics that the thing uses, or in the others when nobody listens
// to those.
func (n *node) set(way carrier, c roost.Command) error {
	s, own := n.talk(), n.command(c)
	topic, ok := setTopic(n.own, c.Resource)
	old := message{topic: topic, payload: []byte(c.Value.AsText()), props: expiring(c, new(mqtt.PublishProps))}
	switch {
	case s != pyaiotTopics && way.hears(own.topic):
		return way.say(own)
	case ok && way.hears(topic):
		return way.say(old)
	case way.tells() && way.hears(own.topic):
		return way.say(own)
	case s != pyaiotTopics:
		return deaf(own.topic)
	case !ok:
		return roost.Errorf(roost.Invalid, "A node of Pyaiot's topics cannot have a resource of that name.")
	}
	return deaf(topic)
}

func deaf(topic string) error {
	return roost.Errorf(roost.Unavailable, "The thing takes no commands: it has not subscribed to %s.", topic)
}

// command is c as things of our own topics get it.
func (n *node) command(c roost.Command) message {
	b := append([]byte(`{"id":`), roost.Text(c.ID)...)
	if c.Kind == roost.Refresh {
		b = append(b, `,"refresh":true}`...)
	} else {
		b = append(append(b, `,"resource":`...), roost.Text(c.Resource)...)
		b = append(append(append(b, `,"value":`...), c.Value...), '}')
	}
	props := &mqtt.PublishProps{
		PayloadFormat: 1, ContentType: "application/json",
		ResponseTopic: replyTopic(n.own), CorrelationData: []byte(c.ID),
	}
	if c.Resource != "" {
		props.User = append(props.User, mqtt.UserProperty{Name: "resource", Value: c.Resource})
	}
	if c.By != "" {
		props.User = append(props.User, mqtt.UserProperty{Name: "by", Value: c.By})
	}
	return message{topic: commandTopic(n.own), payload: b, props: expiring(c, props)}
}

// expiring makes a message lapse in the broker when its command does.
func expiring(c roost.Command, props *mqtt.PublishProps) *mqtt.PublishProps {
	if !c.Expires.IsZero() {
		left := max(time.Until(c.Expires), time.Second)
		props.HasExpiry, props.Expiry = true, uint32(min((left+time.Second-1)/time.Second, 1<<31))
		props.User = append(props.User, mqtt.UserProperty{Name: "expires", Value: strconv.FormatInt(c.Expires.UnixMilli(), 10)})
	}
	return props
}

// Close implements gateway.Link: the door forgets the node until it says something.
func (n *node) Close(string) { n.d.nodes.drop(n) }

// way gives what carries messages to the node.
func (n *node) way() (c carrier, asleep bool) {
	n.d.nodes.mu.RLock()
	defer n.d.nodes.mu.RUnlock()
	return n.carrier, n.asleep
}

func (n *node) protocol() roost.Protocol {
	n.d.nodes.mu.RLock()
	defer n.d.nodes.mu.RUnlock()
	if n.speaker != nil && n.speaker.client != nil && n.speaker.client.Protocol != "" {
		return n.speaker.client.Protocol
	}
	return roost.MQTT
}

// arrive tells the rooms that the node is here. The error is theirs, or roost.Denied
// while it waits for approval.
func (n *node) arrive(ctx context.Context) error {
	n.turn.Lock()
	defer n.turn.Unlock()
	n.owed.Store(false)
	a := n.arrival()
	standing, err := n.d.cfg.Core.Arrive(ctx, a)
	if err != nil {
		n.d.nodes.drop(n)
		return errors.Join(err, n.d.signOff(n))
	}
	n.mu.Lock()
	n.ref, n.arrived = standing.Ref, true
	n.mu.Unlock()
	n.touch()
	if n.gone.Load() { // its connection has ended since
		return errors.Join(command.ErrGone, n.d.signOff(n))
	}
	if standing.Enrolment != roost.Enrolled {
		return roost.Errorf(roost.Denied, "Thing %q waits for approval.", standing.Ref.Thing)
	}
	news, err := n.introduce(ctx, a.Protocol)
	if err != nil {
		return err
	}
	if news || standing.Fresh && n.talk() == pyaiotTopics {
		way, _ := n.way()
		_ = n.ask(way, "") // logged; it is asked again when it comes again
	}
	return nil
}

func (n *node) arrival() gateway.Arrival {
	protocol := n.protocol()
	n.d.nodes.mu.RLock()
	defer n.d.nodes.mu.RUnlock()
	a := gateway.Arrival{
		Project: n.d.cfg.Project, Identity: roost.Identity{Door: doorName, Own: n.own},
		Protocol: protocol, Bound: n.bound && !n.asleep, Link: n,
	}
	if n.speaker != nil {
		a.Address, a.Trusted = n.speaker.remote, n.speaker.own() == n.own
	} else if n.d.away != nil {
		a.Address = n.d.away.address
	}
	return a
}

func (n *node) touch() { n.heard.Store(int64(n.d.now())) }
