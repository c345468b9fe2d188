package mqttclient

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost/wire/mqtt"
)

func TestOlderBrokersAreSpokenToInTheirVersion(t *testing.T) {
	refuse := func(p *peer) {
		p.version = mqtt.V311
		p.say(&mqtt.Connack{Code: mqtt.UnsupportedProtocolVersion})
		p.drain()
	}
	hangUp := func(p *peer) { _ = p.conn.Close() }
	for name, turns := range map[string][]func(*peer){
		"refused":       {refuse},
		"hung up":       {hangUp},
		"refused twice": {refuse, refuse},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s, stop := onPipes(t, Options{ClientID: "x"})
				start := time.Now()
				want := mqtt.V5
				for _, turn := range turns {
					p := s.accept()
					if p.version != want {
						t.Errorf("tried %v, want %v", p.version, want)
					}
					turn(p)
					want--
				}
				p := s.admit(mqtt.Connack{})
				if err := c.Await(soon(t)); err != nil || p.version != want || c.Version() != want {
					t.Errorf("%v: spoke %v, want %v", err, p.version, want)
				}
				if took := time.Since(start); took > 0 {
					t.Errorf("it paused for %v", took)
				}
				go p.drain()
				stop()
			})
		})
	}
}

func TestVersion5IsTriedAgainWhereBothAreHungUpOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, s, stop := onPipes(t, Options{})
		for _, want := range []mqtt.Version{mqtt.V5, mqtt.V311, mqtt.V5, mqtt.V311} {
			p := s.accept()
			if p.version != want {
				t.Errorf("tried %v, want %v", p.version, want)
			}
			_ = p.conn.Close()
		}
		stop()
	})
}

func TestAttemptsGoOnWithPausesAndOneComplaint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		_, s, stop := onPipes(t, Options{User: "u", Password: "wrong", Log: slog.New(slog.NewTextHandler(&log, nil))})
		var gaps []time.Duration
		last := time.Now()
		for range 9 {
			p := s.accept()
			gaps = append(gaps, time.Since(last))
			last = time.Now()
			if p.hello.UserName != "u" || string(p.hello.Password) != "wrong" {
				t.Errorf("%+v", p.hello)
			}
			p.say(&mqtt.Connack{Code: mqtt.BadUserNameOrPassword, Reason: "nobody of that name"})
			p.drain()
		}
		stop()
		for i, gap := range gaps[1:] {
			whole := min(time.Second<<i, 30*time.Second)
			if gap < whole/2 || gap >= whole*3/2 {
				t.Errorf("pause %d was %v, want about %v", i+1, gap, whole)
			}
		}
		if n := strings.Count(log.String(), "not reachable"); n != 1 || !strings.Contains(log.String(), "nobody of that name") {
			t.Errorf("%d complaints:\n%s", n, log.String())
		}
	})
}

func TestQuietClientPingsAndASilentBrokerIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := make(chan error, 1)
		_, s, stop := onPipes(t, Options{KeepAlive: 40 * time.Second, Lost: func(err error) { lost <- err }})
		p := s.admit(mqtt.Connack{})
		if p.hello.KeepAlive != 40 {
			t.Errorf("keep alive %d", p.hello.KeepAlive)
		}
		start := time.Now()
		for i := range 3 {
			if got := expect[*mqtt.Ping](p); got.Type != mqtt.TypePingreq {
				t.Error(got)
			}
			if at := time.Since(start); at < time.Duration(30*(i+1))*time.Second || at > time.Duration(40*(i+1))*time.Second {
				t.Errorf("ping %d after %v", i, at)
			}
			p.say(&mqtt.Ping{Type: mqtt.TypePingresp})
		}
		// It hears much and must ping all the same, for it says nothing.
		quiet := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			expect[*mqtt.Ping](p)
		}()
		for said := false; !said; {
			time.Sleep(time.Second)
			select {
			case <-done:
				said = true
			default:
				p.say(&mqtt.Publish{Topic: "t"})
			}
		}
		if took := time.Since(quiet); took > 40*time.Second {
			t.Errorf("no ping for %v", took)
		}
		p.ended() // the ping stays unanswered
		if err := <-lost; err == nil || !strings.Contains(err.Error(), "does not answer") {
			t.Error(err)
		}
		go s.admit(mqtt.Connack{}).drain()
		stop()
	})
}

func TestServersKeepAliveHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, s, stop := onPipes(t, Options{KeepAlive: time.Hour})
		p := s.admit(mqtt.Connack{HasKeepAlive: true, KeepAlive: 10})
		start := time.Now()
		expect[*mqtt.Ping](p)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("ping after %v", took)
		}
		go p.drain()
		stop()
	})
}

func TestTheEndIsSaidAndWaitersLearnOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, stop := onPipes(t, Options{Will: &mqtt.Will{Topic: "w", Payload: []byte("gone"), QoS: 1}})
		p := s.admit(mqtt.Connack{})
		if p.hello.Will == nil || string(p.hello.Will.Payload) != "gone" {
			t.Errorf("%+v", p.hello)
		}
		waiting := make(chan error, 2)
		go func() { waiting <- c.Publish(context.Background(), &mqtt.Publish{Topic: "t", QoS: 1}) }()
		expect[*mqtt.Publish](p)
		go func() {
			_, err := c.Subscribe(context.Background(), mqtt.Subscription{Filter: "f"})
			waiting <- err
		}()
		expect[*mqtt.Subscribe](p)
		go func() {
			expect[*mqtt.Disconnect](p)
			p.drain()
		}()
		stop()
		for range 2 {
			if err := <-waiting; !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		}
		if err := c.Publish(context.Background(), &mqtt.Publish{Topic: "t", QoS: 1}); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

func TestDropSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s, stop := onPipes(t, Options{})
		p := s.admit(mqtt.Connack{})
		if err := c.Await(soon(t)); err != nil {
			t.Fatal(err)
		}
		c.Drop()
		p.ended()
		go s.admit(mqtt.Connack{}).drain()
		if err := c.Await(soon(t)); err != nil {
			t.Fatal(err)
		}
		stop()
	})
}

func TestAddresses(t *testing.T) {
	for in, want := range map[string]target{
		"tcp://h:1":             {scheme: "tcp", host: "h:1"},
		"mqtt://h":              {scheme: "mqtt", host: "h:1883"},
		"mqtts://u:p%40@h":      {scheme: "mqtts", host: "h:8883", user: "u", pass: "p@", login: true},
		"192.0.2.1:99":          {scheme: "tcp", host: "192.0.2.1:99"},
		"host:99":               {scheme: "tcp", host: "host:99"},
		"[2001:db8::1]:99":      {scheme: "tcp", host: "[2001:db8::1]:99"},
		"host":                  {scheme: "tcp", host: "host:1883"},
		"ws://h/mqtt":           {scheme: "ws", host: "h:80"},
		"mqtt://[2001:db8::1]/": {scheme: "mqtt", host: "[2001:db8::1]:1883"},
	} {
		got, err := parse(in)
		if got.url = ""; err != nil || got != want {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
	}
	for _, bad := range []string{"", "http://h", "tcp://", "tcp://:5", "://", "tcp://h:x"} {
		if err := CheckAddress(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
