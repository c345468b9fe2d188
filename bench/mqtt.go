package bench

import "context"

// mqttDefaults fills in what is zero and looks at the rest.
func (c Config) mqttDefaults(ctx context.Context, l load) (Config, error) {
	c = c.withDefaults(l)
	or(&c.Payload, 128)
	return c, c.check(ctx, c.MQTT)
}

// MQTTQoS0 measures how many messages of QoS 0 get from many publishers to one
// subscriber. Defaults: 10 publishers (Things), each with 100 messages in flight.
func MQTTQoS0(ctx context.Context, c Config) (Result, error) {
	return mqttThrough(ctx, c, "mqtt-qos0", load{things: 10, clients: 1, inFlight: 100}, 0)
}

// MQTTQoS1 is the same with QoS 1 on both sides and 20 messages of each publisher
// in flight.
func MQTTQoS1(ctx context.Context, c Config) (Result, error) {
	return mqttThrough(ctx, c, "mqtt-qos1", load{things: 10, clients: 1, inFlight: 20}, 1)
}

// MQTTFanout measures how many messages of QoS 0 get from one publisher to many
// subscribers. Defaults: 200 subscribers (Clients), 100 messages in flight.
func MQTTFanout(ctx context.Context, c Config) (Result, error) {
	return mqttThrough(ctx, c, "mqtt-fanout", load{things: 1, clients: 200, inFlight: 100}, 0)
}

func mqttThrough(ctx context.Context, c Config, name string, l load, qos byte) (Result, error) {
	c, err := c.mqttDefaults(ctx, l)
	if err != nil {
		return Result{}, err
	}
	d, err := newMQTTDrive(ctx, c, c.Things, c.Clients, qos)
	if err != nil {
		d.close()
		return Result{}, err
	}
	return d.measure(ctx, name)
}
