package bench

import (
	"os"
	"strings"
	"testing"
	"time"
)

// quickMQTT is a Config for a run of a tenth of a second against f.
func quickMQTT(f *fakeMQTT) Config {
	return Config{MQTT: f.at, PID: os.Getpid(), Warmup: 20 * time.Millisecond, Duration: 100 * time.Millisecond}
}

func TestMQTTQoS0CountsEveryMessage(t *testing.T) {
	c := quickMQTT(newFakeMQTT(t, "127.0.0.1:0"))
	r := counted(t, MQTTQoS0, c)
	if r.Load["publishers"] != 10 || r.Load["subscribers"] != 1 || r.Unit != "delivered" {
		t.Errorf("load %v, %s", r.Load, r.Unit)
	}
}

func TestMQTTQoS1WaitsForAcknowledgements(t *testing.T) {
	c := quickMQTT(newFakeMQTT(t, "127.0.0.1:0"))
	c.Things, c.InFlight, c.Payload = 3, 2, 20
	r := counted(t, MQTTQoS1, c)
	if r.Load["in flight each"] != 2 {
		t.Errorf("load %v", r.Load)
	}
}

func TestMQTTFanoutReachesEverySubscriber(t *testing.T) {
	c := quickMQTT(newFakeMQTT(t, "127.0.0.1:0"))
	c.Clients = 7
	counted(t, MQTTFanout, c)
}

func TestMQTTLossAndRepetitionAreSeen(t *testing.T) {
	f := newFakeMQTT(t, "127.0.0.1:0")
	f.mu.Lock()
	f.lose, f.repeat = 10, 7
	f.mu.Unlock()
	r, err := MQTTQoS0(t.Context(), quickMQTT(f))
	if err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if want := uint64(f.count / f.lose); r.Lost != want {
		t.Errorf("%d lost, want %d", r.Lost, want)
	}
	if r.More["came twice"] == 0 {
		t.Error("repetitions are not counted")
	}
}

func TestMQTTPublisherGoesOnAfterLosingItsWindow(t *testing.T) {
	f := newFakeMQTT(t, "127.0.0.1:0")
	f.mu.Lock()
	f.lose = 1
	f.mu.Unlock()
	c := quickMQTT(f)
	c.Things, c.Duration = 1, 4*stillFor
	r, err := MQTTQoS0(t.Context(), c)
	if err != nil || r.Stalls == 0 || r.Lost == 0 || r.Count != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestMQTTSingle(t *testing.T) {
	if !canPoll {
		t.Skip("not on this system")
	}
	c := quickMQTT(newFakeMQTT(t, "127.0.0.1:0"))
	c.Things = 5
	r := counted(t, MQTTSingle, c)
	if r.Unit != "acknowledged" || r.Load["clients"] != 5 {
		t.Errorf("%+v", r)
	}
}

func TestMQTTReadings(t *testing.T) {
	c := quickMQTT(newFakeMQTT(t, "127.0.0.1:0"))
	c.Things = 3
	r := counted(t, MQTTReadings, c)
	if r.Unit != "taken" || r.Count%valuesEach != 0 || r.Load["series"] != 30 {
		t.Errorf("%+v", r)
	}
}

func TestMQTTIdle(t *testing.T) {
	f := newFakeMQTT(t, "127.0.0.1:0")
	c := quickMQTT(f)
	c.Clients = 40
	r, err := MQTTIdle(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if r.Count != 40 || r.PerSecond == 0 || len(r.Bars) != 1 || r.Load["connections in step 1"] != 40 {
		t.Errorf("%+v", r)
	}
}

func TestMQTTFaultsAreTold(t *testing.T) {
	f := newFakeMQTT(t, "127.0.0.1:0")
	for want, change := range map[string]func(*Config){
		"refused the connection": func(c *Config) { c.User = "nobody" },
		"messages of 5 bytes":    func(c *Config) { c.Payload = 5 },
		"packet identifiers":     func(c *Config) { c.InFlight = 65536 },
		"--rate":                 func(c *Config) { c.Rate = 10 },
		"not this machine":       func(c *Config) { c.MQTT = "192.0.2.1:1883" },
	} {
		c := quickMQTT(f)
		change(&c)
		if _, err := MQTTQoS1(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestMQTTFixedHeader(t *testing.T) {
	for _, row := range []struct {
		in         string
		head, size int
		ok         bool
	}{
		{"", 0, 0, false},
		{"\x30", 0, 0, false},
		{"\x30\x05", 2, 5, true},
		{"\x30\x80", 0, 0, false},
		{"\x30\x80\x01", 3, 128, true},
		{"\x30\xff\xff\xff\x7f", 5, 268_435_455, true},
		{"\x30\xff\xff\xff\xff", 0, maxFrame + 1, false},
	} {
		head, size, ok := mqttSize([]byte(row.in))
		if ok != row.ok || ok && (head != row.head || size != row.size) || !ok && (size > maxFrame) != (row.size > maxFrame) {
			t.Errorf("%x: %d, %d, %v", row.in, head, size, ok)
		}
	}
}
