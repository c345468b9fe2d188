// Package web is the door for people: the API under /api/v2 with its OpenAPI
// document, the live stream, and the pages of the user interface.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
	"github.com/roost-iot/roost/command"
	"github.com/roost-iot/roost/gateway"
	"github.com/roost-iot/roost/live"
	"github.com/roost-iot/roost/registry"
	"github.com/roost-iot/roost/release"
	"github.com/roost-iot/roost/sim/desk"
	"github.com/roost-iot/roost/telemetry"
)

// Config gives the rooms, all of them needed, and what only main knows.
type Config struct {
	Registry    *registry.Registry
	Telemetry   *telemetry.Telemetry
	Commands    *command.Commands
	Switchboard *gateway.Switchboard
	Accounts    *account.Accounts
	Feed        *live.Feed
	// Releases has the apps; nil: this server has none, nor what belongs to them.
	Releases *release.Releases

	// System tells what the System page shows and this package cannot know; nil: nothing.
	System func(ctx context.Context) System
	// Simulator starts simulated things; nil: there is none.
	Simulator Simulator
	// Ready tells whether the store answers; nil: it does.
	Ready func(ctx context.Context) error
	// TryApp puts an app onto a virtual board and tells what happens; nil: on a desk.Trial.
	TryApp func(files map[string]string, event func(desk.TrialEvent)) (Trial, error)
	// Pythings tells of the door of PythingsOS devices; nil: it is shut.
	Pythings Pythings
	// Agents knows things of Roost's own runtime; nil: there are none.
	Agents Agents
	// Boards knows boards that ask for their files at each boot; nil: there are none.
	Boards Boards
	// NewBoards makes things of Roost's own runtime; nil: there are none.
	NewBoards NewBoards
	// Runtime is what installers put onto them; nil: it is not in this program.
	Runtime Runtime
	// FirmwareDir is the folder of the firmware shelf; "": there is none.
	FirmwareDir string
	// Gateways tells of the far gateways that are here or were; nil: there are none.
	Gateways func() []GatewayStatus
	// Revoked is called when a gateway's key was revoked, to cut who came by it; nil: nobody.
	Revoked func(key string)
	// Rebound is called when the thing that calls itself own at the MQTT doors was given
	// a password or freed of it, to cut who is there by that name; nil: nobody.
	Rebound func(own string)
	// KeyFile is the key file that gateways may come by, "" if none.
	KeyFile string

	// Site is how the server shows itself. Its Kind is SiteServer by default, its SignIn is found out here.
	Site Site
	// Files are pictures for Site by name, served below SitePath.
	Files map[string][]byte
	// Public is the role of everybody who shows no credential, below owner; "": none.
	Public roost.Role
	// OnlyPerson is the name of whom a sign-in without a name is meant; "": a name is needed.
	OnlyPerson string

	// PublicURL is where people reach this server, "" if that is not known.
	PublicURL string
	Version   string
	// MaxWatchers bounds the live streams, 10,000 by default.
	MaxWatchers int
	Log         *slog.Logger // slog.Default() by default
}

// Simulator starts one simulated thing over a real protocol and gives its id.
type Simulator interface {
	// brings is for kind "pythings": the id of an app or an account.
	Start(ctx context.Context, kind, brings string) (id string, err error)
}

// Server is the door. Handler may be served at once; Run keeps its streams honest.
type Server struct {
	Config
	log     *slog.Logger
	project roost.ProjectID // whose things are shown
	started time.Time
	hub     *hub
	mux     *http.ServeMux
	api     huma.API
	guard   *http.CrossOriginProtection
	handler http.Handler
	closing sync.Once
	news    chan struct{} // somebody may have lost their right to watch

	firmware   *firmwareShelf
	trials     *trials
	overriding sync.Mutex // held while settings of a thing's own are changed

	listSize atomic.Int64 // bytes of the last list of things: room for the next
}

// New makes the door over its rooms.
func New(c Config) *Server {
	s := &Server{Config: c, log: c.Log, project: roost.Home, started: time.Now(), mux: http.NewServeMux(), news: make(chan struct{}, 1)}
	s.trials = newTrials(c.TryApp)
	s.firmware = &firmwareShelf{folder: c.FirmwareDir}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.MaxWatchers <= 0 {
		s.MaxWatchers = 10_000
	}
	s.hub = newHub(s.Feed, &frames{things: s.Registry, credential: s.credentialOf, app: s.appOf}, s.MaxWatchers, s.log)
	s.api = newAPI(s.mux, c.Version)
	s.guard = s.originGuard()
	s.routes()
	s.handler = packed(s.recovering(secured(s.sameOrigin(s.authenticated(s.mux)))))
	return s
}

// Handler serves everything of this door.
func (s *Server) Handler() http.Handler { return s.handler }

// OpenAPI gives the document of the API.
func (s *Server) OpenAPI() *huma.OpenAPI { return s.api.OpenAPI() }

// recheck is how often a stream must prove again that it may watch, beside when
// a right was taken away here.
const recheck = 30 * time.Second

// lessRights makes Run look at once whose stream is to end. It gives err back.
func (s *Server) lessRights(err error) error {
	select {
	case s.news <- struct{}{}:
	default: // Run will look anyway
	}
	return err
}

// Run ends the streams of those who may no longer watch, and notes which gateways are
// here, until ctx ends; then Close.
func (s *Server) Run(ctx context.Context) {
	tick := time.NewTicker(recheck)
	defer tick.Stop()
	defer s.Close()
	for {
		select {
		case <-tick.C:
			s.hub.expel(ctx)
			s.seeGateways(ctx)
		case <-s.news:
			s.hub.expel(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// Close ends all streams with 1001, and all trials, and waits for them; new ones are refused.
func (s *Server) Close() {
	s.closing.Do(func() {
		s.trials.close()
		s.hub.close()
	})
}
