package bench

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"time"
)

// idleSteps are how many connections MQTTIdle opens, one after the other.
var idleSteps = []int{5_000, maxConnections}

// MQTTIdle measures by how much a broker's memory grows for each connection that
// has one subscription and does nothing, and how many a second it takes. PID must be
// the broker's, freshly started. Clients is how many there are in the end; when it
// is zero there are 5,000 and then 20,000, or as many as the system lets the
// generator open.
func MQTTIdle(ctx context.Context, c Config) (Result, error) {
	steps := idleSteps
	if c.Clients > 0 {
		steps = []int{c.Clients}
	}
	c, err := c.mqttDefaults(ctx, load{things: 1, clients: 1, inFlight: 1})
	r := Result{Scenario: "mqtt-idle", Unit: "connected and subscribed", Load: map[string]int{}}
	if err != nil {
		return r, err
	}
	most := moreFiles() - 100 // files that are open besides
	var crowds []*mqttCrowd
	defer func() {
		for _, m := range crowds {
			m.close()
		}
	}()
	before, known := memoryBytes(c.PID)
	from, first := usageNow(c.PID), 0
	var opening time.Duration
	for _, n := range steps {
		n = min(n, most)
		m := new(mqttCrowd)
		crowds = append(crowds, m)
		began := time.Now()
		if err := c.subscribers(ctx, m, first, n); err != nil {
			return r, err
		}
		opening += time.Since(began)
		r.Load[fmt.Sprintf("connections in step %d", len(crowds))] = n
		first = n
		pause(ctx, min(settled, c.Duration))
		if after, ok := memoryBytes(c.PID); ok && known {
			r.atMost(fmt.Sprintf("memory for each of %s connections", grouped(int64(n))), "kB", (float64(after)-float64(before))/float64(n)/1e3, 10)
		}
	}
	r.used(c.PID, from, usageNow(c.PID))
	r.Count, r.Seconds = uint64(first), opening.Seconds()
	r.PerSecond = float64(first) / opening.Seconds()
	return r, ctx.Err()
}

// subscribers connects clients first to n, each with a topic of its own.
func (c Config) subscribers(ctx context.Context, m *mqttCrowd, first, n int) error {
	from := c.locals()
	return m.dialAll(ctx, n-first, func(ctx context.Context, i int) (*mqttConn, error) {
		id := "bench-idle-" + strconv.Itoa(first+i)
		conn, err := c.dialMQTTFrom(ctx, from(first+i), id, 64)
		if err == nil {
			err = conn.subscribe("bench/idle/"+id, 0)
		}
		return conn, err
	})
}

// locals gives connections to a server on this machine an address of their own for
// every 4,000: with more, the system takes long to find a free port (Linux).
func (c Config) locals() func(i int) net.Addr {
	a, err := net.ResolveTCPAddr("tcp", c.MQTT)
	if err != nil || runtime.GOOS != "linux" || !a.IP.IsLoopback() || a.IP.To4() == nil {
		return func(int) net.Addr { return nil }
	}
	return func(i int) net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 2, 0, byte(1+i/4000))} }
}
