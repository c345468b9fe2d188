package sim

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/roost-iot/roost"
)

// mostStarted is how many things a Starter plays at a time.
const mostStarted = 50

// Starter plays single things for people who want to try Roost without a board.
type Starter struct {
	to    Addresses
	ctx   context.Context // of all things it started; ended by Close
	stop  context.CancelFunc
	parts sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	started int
}

// NewStarter makes a Starter. Close ends what it started.
func NewStarter(to Addresses) *Starter {
	s := &Starter{to: to}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// kits are what started things have, in turn.
var kits = []struct {
	name      string
	resources []string
}{
	{"Greenhouse", []string{"temperature", "humidity", "led"}},
	{"Bench lamp", []string{"led", "illuminance"}},
	{"Balloon", []string{"pressure", "temperature", "position"}},
	{"Gimbal", []string{"imu", "led"}},
	{"Noticeboard", []string{"text", "led"}},
	{"Rover", []string{"robot", "position"}},
	{"Air sensor", []string{"eco2", "tvoc", "temperature"}},
	{"Mood light", []string{"rgb", "led"}},
}

// kinds are the protocols of things that can be started.
var kinds = []string{"board", "coap", "micropython", "mqtt", "mqttsn", "pythings", "ws"}

// Start plays one more thing until Close and gives its own id. kind is "board", "coap",
// "micropython", "mqtt", "mqttsn", "pythings" or "ws"; brings is the id of an app or an
// account that a PythingsOS device has been given, the kind of a board, or the id and the
// key of a board with Roost's runtime, with a space between. Errors: roost.Invalid for another kind, roost.TooMany, roost.Unavailable
// when the door is off.
func (s *Starter) Start(ctx context.Context, kind, brings string) (id string, err error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if !slices.Contains(kinds, kind) {
		return "", roost.Errorf(roost.Invalid, "A simulated thing of kind %q is not possible: choose %s.", kind, strings.Join(kinds, ", "))
	}
	if s.to.of(kind) == "" {
		return "", roost.Errorf(roost.Unavailable, "The door for %s things is switched off.", kind)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return "", roost.Errorf(roost.Unavailable, "Roost is stopping.")
	case s.started == mostStarted:
		return "", roost.Errorf(roost.TooMany, "%d simulated things run already. Restart Roost to be rid of them.", mostStarted)
	}
	kit := kits[s.started%len(kits)]
	s.started++
	uid := strings.ReplaceAll(strings.ToLower(kit.name), " ", "-") + "-" + strings.ToLower(roost.NewID()[:5]) + "-"
	fleet := s.to.fleet(kind, brings, Config{
		UID: uid, Names: []string{kit.name}, Resources: kit.resources, Seed: uint64(s.started), Log: s.to.Log,
	})
	s.parts.Go(func() { s.play(fleet, kind) })
	if kind == "micropython" {
		id, _, err := runtimeKey(brings)
		return id, err
	}
	return fleet.IDs()[0], nil
}

// play runs one thing and makes room when it could not be played.
func (s *Starter) play(f *Fleet, kind string) {
	err := f.Run(s.ctx)
	if err != nil && !errors.Is(err, context.Canceled) && s.to.Log != nil {
		s.to.Log.Error("simulated thing stopped", "protocol", kind, "err", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started--
}

// Close ends every thing and waits for them.
func (s *Starter) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.parts.Wait()
	return nil
}
