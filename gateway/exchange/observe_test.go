package exchange_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roost-iot/roost/gateway/exchange"
	"github.com/roost-iot/roost/wire/coap"
)

// notification is a state of an observed resource.
func notification(typ coap.Type, id uint16, token coap.Token, seq uint32, payload string) coap.Message {
	m := coap.Message{Type: typ, Code: coap.Content, ID: id, Token: token, Payload: []byte(payload)}
	m.Options.SetUint(coap.Observe, seq)
	return m
}

// states collects what an observation tells.
func states() (chan string, func(exchange.Response)) {
	c := make(chan string, 100)
	return c, func(r exchange.Response) { c <- string(r.Payload) }
}

// observing registers on its own goroutine.
func observing(e *exchange.Endpoint, tell func(exchange.Response)) <-chan *exchange.Observation {
	c := make(chan *exchange.Observation, 1)
	go func() {
		o, err := e.Observe(context.Background(), node, exchange.Get("/temperature"), tell)
		if err != nil {
			o = nil
		}
		c <- o
	}()
	return c
}

// observed registers with a node that says "a" under number 10.
func observed(t *testing.T, e *exchange.Endpoint, w *wire, tell func(exchange.Response)) (*exchange.Observation, coap.Token) {
	t.Helper()
	got := observing(e, tell)
	m := w.next(t)
	if v, ok := m.Options.Uint(coap.Observe); m.Code != coap.GET || v != coap.Register || !ok {
		t.Fatalf("registration %v %v", &m, m.Options)
	}
	w.arrive(notification(coap.Acknowledgement, m.ID, m.Token, 10, "a"))
	return <-got, m.Token
}

func TestObservationTellsWhatIsNew(t *testing.T) {
	bubble(t, exchange.Config{}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		said, tell := states()
		o, token := observed(t, e, w, tell)
		w.arrive(notification(coap.NonConfirmable, 1, token, 12, "c"))
		w.arrive(notification(coap.NonConfirmable, 2, token, 11, "late"))
		w.arrive(notification(coap.NonConfirmable, 1, token, 12, "c")) // a duplicate
		w.arrive(notification(coap.Confirmable, 3, token, 13, "d"))
		expect(t, w.next(t), coap.Acknowledgement, coap.Empty, 3, "")
		for _, want := range []string{"a", "c", "d"} {
			if got := <-said; got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		o.Stop()
		m := w.next(t)
		if v, ok := m.Options.Uint(coap.Observe); m.Code != coap.GET || v != coap.Deregister || !ok || m.Token != token {
			t.Errorf("cancellation %v %v", &m, m.Options)
		}
		w.arrive(coap.Message{Type: coap.Acknowledgement, Code: coap.Content, ID: m.ID, Token: token, Payload: []byte("e")})
		<-o.Done()
		if o.Err() != nil || len(said) != 0 {
			t.Errorf("%v, %d more", o.Err(), len(said))
		}
		w.arrive(notification(coap.NonConfirmable, 4, token, 14, "f"))
		expect(t, w.next(t), coap.Reset, coap.Empty, 4, "")
		w.arrive(notification(coap.Confirmable, 5, token, 14, "f"))
		expect(t, w.next(t), coap.Reset, coap.Empty, 5, "")
	})
}

func TestObservationIsRenewedWhenMaxAgeHasPassed(t *testing.T) {
	bubble(t, exchange.Config{}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		said, tell := states()
		o, token := observed(t, e, w, tell)
		began := time.Now()
		m := w.next(t)
		if d := time.Since(began); d < 65*time.Second || d > 75*time.Second || m.Token != token {
			t.Errorf("renewed after %v with token %v", d, m.Token)
		}
		// The node has started again and counts from the beginning.
		w.arrive(notification(coap.Acknowledgement, m.ID, token, 2, "b"))
		o.Refresh()
		m = w.next(t)
		w.arrive(notification(coap.Acknowledgement, m.ID, token, 3, "c"))
		for _, want := range []string{"a", "b", "c"} {
			if got := <-said; got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		o.Stop()
		m = w.next(t)
		w.arrive(coap.Message{Type: coap.Acknowledgement, Code: coap.Content, ID: m.ID, Token: token})
	})
}

func TestObservationOfANodeThatIsGoneEnds(t *testing.T) {
	bubble(t, exchange.Config{}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		_, tell := states()
		o, _ := observed(t, e, w, tell)
		<-o.Done()
		wantError(t, o.Err(), exchange.ErrTimeout)
	})
}

// A callback that does not keep up loses the oldest states, never the newest, and
// holds up nobody else.
func TestSlowCallbackLosesTheOldestStates(t *testing.T) {
	bubble(t, exchange.Config{}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		said, open := make(chan string, 100), make(chan struct{})
		o, token := observed(t, e, w, func(r exchange.Response) {
			<-open
			said <- string(r.Payload)
		})
		for i := range 30 {
			w.arrive(notification(coap.NonConfirmable, uint16(i), token, uint32(11+i), fmt.Sprint(i)))
		}
		close(open)
		synctest.Wait()
		var got []string
		for len(said) > 0 {
			got = append(got, <-said)
		}
		if len(got) != 17 || got[0] != "a" || got[16] != "29" || e.Stats().Dropped != 14 {
			t.Errorf("%q, %+v", got, e.Stats())
		}
		o.Stop()
		m := w.next(t)
		w.arrive(coap.Message{Type: coap.Reset, ID: m.ID})
	})
}

func TestObservationEndsWithAnError(t *testing.T) {
	bubble(t, exchange.Config{}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		said, tell := states()
		o, token := observed(t, e, w, tell)
		w.arrive(coap.Message{Type: coap.NonConfirmable, Code: coap.NotFound, ID: 1, Token: token, Payload: []byte("gone")})
		<-o.Done()
		wantError(t, o.Err(), exchange.ErrNotObservable)
		if a, b := <-said, <-said; a != "a" || b != "gone" {
			t.Errorf("%q %q", a, b)
		}
	})
}

func TestResourceThatCanNotBeObserved(t *testing.T) {
	bubble(t, exchange.Config{}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		got := observing(e, func(exchange.Response) { t.Error("told") })
		m := w.next(t)
		w.arrive(coap.Message{Type: coap.Acknowledgement, Code: coap.Content, ID: m.ID, Token: m.Token})
		if o := <-got; o != nil {
			t.Error("observed all the same")
		}
	})
}

func TestLongNotificationIsFetchedToItsEnd(t *testing.T) {
	bubble(t, exchange.Config{}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		said, tell := states()
		o, token := observed(t, e, w, tell)
		first := notification(coap.NonConfirmable, 1, token, 11, text(16))
		first.Options.SetBlock(coap.Block2, coap.Block{More: true})
		w.arrive(first)
		m := w.next(t)
		if b := block(t, m, coap.Block2); b.Num != 1 || m.Options.Has(coap.Observe) || m.Token == token {
			t.Errorf("%+v, %v", b, m.Options)
		}
		a := coap.Message{Type: coap.Acknowledgement, Code: coap.Content, ID: m.ID, Token: m.Token, Payload: []byte("end")}
		a.Options.SetBlock(coap.Block2, coap.Block{Num: 1})
		w.arrive(a)
		if a, b := <-said, <-said; a != "a" || b != text(16)+"end" {
			t.Errorf("%q %q", a, b)
		}
		o.Stop()
		m = w.next(t)
		w.arrive(coap.Message{Type: coap.Reset, ID: m.ID})
	})
}

// thermometer serves an observable resource.
func thermometer(_ context.Context, r *exchange.Request) exchange.Response {
	a := exchange.Text(coap.Content, "first")
	a.Observable = r.Options.PathIs("temperature")
	return a
}

func registration(id uint16, observe uint32, path string) coap.Message {
	m := request(coap.GET, id, path, "")
	m.Token = coap.Token16(0x0b5e)
	m.Options.SetUint(coap.Observe, observe)
	return m
}

func TestObserversAreNotified(t *testing.T) {
	bubble(t, exchange.Config{Handler: thermometer, ConfirmEvery: 3}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		w.arrive(registration(1, coap.Register, "/temperature"))
		first := w.next(t)
		last, ok := first.Options.Uint(coap.Observe)
		if !ok || string(first.Payload) != "first" {
			t.Fatalf("%v %v", &first, first.Options)
		}
		for i := range 6 {
			if n := e.Notify("/temperature", exchange.Text(coap.Content, fmt.Sprint(i))); n != 1 {
				t.Errorf("%d observers", n)
			}
			m := w.next(t)
			want := coap.NonConfirmable
			if i%3 == 2 {
				want = coap.Confirmable
				w.arrive(coap.Message{Type: coap.Acknowledgement, ID: m.ID})
			}
			expect(t, m, want, coap.Content, m.ID, fmt.Sprint(i))
			if seq, _ := m.Options.Uint(coap.Observe); seq <= last || m.Token != first.Token {
				t.Errorf("number %d after %d", seq, last)
			} else {
				last = seq
			}
		}
		if n := e.Notify("/other", exchange.Text(coap.Content, "x")); n != 0 {
			t.Errorf("%d observe /other", n)
		}
		w.arrive(registration(2, coap.Deregister, "/temperature"))
		if m := w.next(t); m.Options.Has(coap.Observe) || e.Observers() != 0 {
			t.Errorf("%v, %d observers", m.Options, e.Observers())
		}
	})
}

func TestNotificationIsConfirmableOnceADay(t *testing.T) {
	bubble(t, exchange.Config{Handler: thermometer, ConfirmEvery: 1000}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		w.arrive(registration(1, coap.Register, "/temperature"))
		w.next(t)
		time.Sleep(24 * time.Hour)
		e.Notify("/temperature", exchange.Text(coap.Content, "x"))
		m := w.next(t)
		expect(t, m, coap.Confirmable, coap.Content, m.ID, "x")
		w.arrive(coap.Message{Type: coap.Acknowledgement, ID: m.ID})
	})
}

func TestObserverIsDropped(t *testing.T) {
	for name, drop := range map[string]func(*testing.T, *exchange.Endpoint, *wire){
		"by a reset": func(t *testing.T, e *exchange.Endpoint, w *wire) {
			e.Notify("/temperature", exchange.Text(coap.Content, "1"))
			old := w.next(t)
			e.Notify("/temperature", exchange.Text(coap.Content, "2"))
			w.next(t)
			w.arrive(coap.Message{Type: coap.Reset, ID: old.ID})
		},
		"by silence": func(t *testing.T, e *exchange.Endpoint, w *wire) {
			for range 20 {
				e.Notify("/temperature", exchange.Text(coap.Content, "1"))
			}
			time.Sleep(100 * time.Second)
			synctest.Wait()
		},
		"by an error": func(t *testing.T, e *exchange.Endpoint, w *wire) {
			e.Notify("/temperature", exchange.Response{Code: coap.NotFound})
			m := w.next(t)
			if m.Options.Has(coap.Observe) || m.Code != coap.NotFound {
				t.Errorf("%v %v", &m, m.Options)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, exchange.Config{Handler: thermometer}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
				w.arrive(registration(1, coap.Register, "/temperature"))
				w.next(t)
				if e.Observers() != 1 {
					t.Fatalf("%d observers", e.Observers())
				}
				drop(t, e, w)
				if e.Observers() != 0 {
					t.Errorf("%d observers", e.Observers())
				}
			})
		})
	}
}

func TestObserversAreBounded(t *testing.T) {
	bubble(t, exchange.Config{Handler: thermometer, Observers: 1}, func(t *testing.T, e *exchange.Endpoint, w *wire) {
		for id := range uint16(3) {
			m := registration(id, coap.Register, "/temperature")
			m.Token = coap.Token16(id)
			w.arrive(m)
			if a := w.next(t); a.Options.Has(coap.Observe) != (id == 0) {
				t.Errorf("registration %d: %v", id, a.Options)
			}
		}
		w.arrive(registration(9, coap.Register, "/other"))
		if a := w.next(t); a.Options.Has(coap.Observe) {
			t.Errorf("/other can be observed: %v", a.Options)
		}
	})
}

func TestObserveEndToEnd(t *testing.T) {
	server, addr := start(t, exchange.Config{Handler: thermometer})
	client, _ := start(t, exchange.Config{})
	said, tell := states()
	o, err := client.Observe(within(t), addr, exchange.Get("/temperature"), tell)
	if err != nil {
		t.Fatal(err)
	}
	if got := <-said; got != "first" {
		t.Errorf("%q", got)
	}
	for i := range 50 { // two of them confirmable
		want := fmt.Sprint(i) + text(1500)
		server.Notify("/temperature", exchange.Text(coap.Content, want))
		if got := <-said; got != want {
			t.Fatalf("told %d bytes, want %d", len(got), len(want))
		}
	}
	o.Stop()
	eventually(t, "the server forgets the observer", func() bool { return server.Observers() == 0 })
}

// A resource that changes while a long notification is fetched: states may be
// skipped, the last one is told.
func TestObservationCatchesUp(t *testing.T) {
	var state atomic.Pointer[string]
	now := func() exchange.Response {
		a := exchange.Text(coap.Content, *state.Load())
		a.Observable = true
		return a
	}
	set := func(i int) { s := fmt.Sprint(i) + text(5000); state.Store(&s) }
	set(0)
	server, addr := start(t, exchange.Config{Handler: func(context.Context, *exchange.Request) exchange.Response { return now() }})
	client, _ := start(t, exchange.Config{})
	said, tell := states()
	o, err := client.Observe(within(t), addr, exchange.Get("/big"), tell)
	if err != nil {
		t.Fatal(err)
	}
	const last = 30
	for i := 1; i <= last; i++ {
		set(i)
		server.Notify("/big", now())
	}
	for got := ""; got != fmt.Sprint(last)+text(5000); {
		select {
		case got = <-said:
		case <-within(t).Done():
			t.Fatal("never told")
		}
	}
	o.Stop()
	eventually(t, "the server forgets the observer", func() bool { return server.Observers() == 0 })
}
