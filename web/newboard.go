package web

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/account"
)

// NewBoards makes things of Roost's own runtime before they have come; their door is one.
type NewBoards interface {
	// NewBoard makes an enrolled thing with a key. roost.NotFound for an app or a pool
	// that is not there.
	NewBoard(ctx context.Context, project roost.ProjectID, b NewBoard) (MadeBoard, error)
	// NewKey gives a thing another key, 64 hexadecimal digits; the old one is void.
	// roost.NotFound for what is no thing of the runtime.
	NewKey(ctx context.Context, ref roost.Ref) (string, error)
}

// NewBoard is what a new board shall be; what is empty is left to its door.
type NewBoard struct {
	Name string
	App  roost.AppID
	Pool string // of App
	By   string
}

// MadeBoard is what must be put onto a new board.
type MadeBoard struct {
	ID         string
	Key        string // 64 hexadecimal digits
	APPassword string // of the access point that it opens for its set-up
}

func (s *Server) newBoardRoutes() {
	const operate = account.Operate
	add(s, endpoint{
		method: "POST", path: "/boards", id: "add-board", tag: tagBoards, right: operate, status: http.StatusCreated, errors: []int{404, 409, 429},
		summary: "Make a thing for a new board", detail: "It is enrolled. Its key stands in this answer and nowhere else, ever again: an installer puts it onto the board.",
	}, s.addBoard)
	add(s, endpoint{
		method: "POST", path: "/things/{id}/key", id: "renew-key", tag: tagBoards, right: operate, errors: []int{409},
		summary: "Give a thing of Roost's runtime another key", detail: "The old one is void at once: the thing cannot come until the new one is on it. It stands in this answer and nowhere else, ever again.",
	}, s.renewKey)
	add(s, endpoint{
		method: "POST", path: "/boards/pack", id: "pack-board", tag: tagBoards, right: operate, errors: []int{404, 409, 429}, archive: true,
		summary: "Make a thing for a computer", detail: "The answer is a zip to be unpacked there, with Roost's runtime, a key and `run.sh`, which starts it. It needs Python 3.9 or later.",
	}, s.packBoard)
	add(s, endpoint{
		method: "GET", path: "/runtime/files", id: "get-runtime-files", tag: tagBoards, right: account.View, errors: []int{404},
		summary: "Get the files of Roost's runtime", detail: "As installers put them onto a board; `boot.py` and `main.py` come last there. An ESP8266 takes all else as an image (`rom`).",
	}, s.runtimeFiles)
}

func noRuntime() error {
	return roost.Errorf(roost.NotFound, "This server has no runtime for boards.")
}

type newBoardRequest struct {
	Body struct {
		Name string `json:"name,omitempty" maxLength:"120" example:"Greenhouse north"`
		App  string `json:"app,omitempty" maxLength:"64" example:"5f1d6c1e-0b0a-4b8e-9c55-0c6f5a3d2b10" doc:"The id of the app that it shall run; without one, none yet."`
		Pool string `json:"pool,omitempty" maxLength:"36" example:"development" doc:"The app's default pool if left out."`
	} `contentType:"application/json" nameHint:"NewBoard"`
}

type newBoardAnswer struct {
	Body struct {
		ID         string   `json:"id" example:"board-7f3k2m"`
		Key        string   `json:"key" example:"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" doc:"64 hexadecimal digits."`
		APPassword string   `json:"apPassword" example:"moss-2471-fern" doc:"Of the access point that the board opens for its set-up."`
		Server     string   `json:"server" example:"http://192.0.2.1:8080" doc:"Where boards find this server."`
		Servers    []string `json:"servers" nullable:"false" example:"[\"http://192.0.2.1:8080\"]" doc:"All that it might be: one for each network of this machine, if it is not known in which the board will be."`
	} `nameHint:"MadeBoard"`
}

func (s *Server) addBoard(ctx context.Context, in *newBoardRequest) (*newBoardAnswer, error) {
	made, err := s.makeBoard(ctx, NewBoard{Name: in.Body.Name, App: roost.AppID(in.Body.App), Pool: in.Body.Pool})
	if err != nil {
		return nil, err
	}
	out := &newBoardAnswer{}
	out.Body.ID, out.Body.Key, out.Body.APPassword = made.ID, made.Key, made.APPassword
	out.Body.Servers = s.boardAddresses(ctx)
	out.Body.Server = out.Body.Servers[0]
	return out, nil
}

// makeBoard makes a thing of the runtime in the caller's name.
func (s *Server) makeBoard(ctx context.Context, b NewBoard) (MadeBoard, error) {
	if s.NewBoards == nil {
		return MadeBoard{}, noRuntime()
	}
	if b.Pool != "" && b.App == "" {
		return MadeBoard{}, roost.Errorf(roost.Invalid, "A pool is one of an app: say which app.")
	}
	b.By = callerOf(ctx).actor.Name
	made, err := s.NewBoards.NewBoard(ctx, s.project, b)
	if err != nil {
		return MadeBoard{}, err
	}
	return made, s.audit(ctx, "board.add", made.ID, b.Name)
}

type newKeyAnswer struct {
	Body struct {
		Key string `json:"key" example:"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f" doc:"64 hexadecimal digits."`
	} `nameHint:"BoardKey"`
}

func (s *Server) renewKey(ctx context.Context, in *ThingPath) (*newKeyAnswer, error) {
	t, err := s.find(in.ID)
	if err != nil {
		return nil, err
	}
	if s.NewBoards == nil {
		return nil, noRuntime()
	}
	key, err := s.NewBoards.NewKey(ctx, t.thing.Ref)
	if err != nil {
		return nil, err
	}
	out := &newKeyAnswer{}
	out.Body.Key = key
	return out, s.audit(ctx, "board.key", in.ID, "")
}

// boardAddresses are where boards may find this server, the likeliest first; one at
// least. localhost is never one of them if this machine is in a network: that is the
// board itself there.
func (s *Server) boardAddresses(ctx context.Context) []string {
	base := callerOf(ctx).base
	if s.PublicURL != "" {
		return []string{base}
	}
	u, err := url.Parse(base)
	if err != nil {
		return []string{base}
	}
	u.Scheme = "http" // the same port takes it, and what is said there is sealed
	if !loopback(u.Hostname()) {
		return []string{u.String()}
	}
	var all []string
	for _, ip := range ownAddresses() {
		u.Host = withPort(ip, u.Port())
		all = append(all, u.String())
	}
	if len(all) == 0 {
		return []string{"http://" + hostOf(base)}
	}
	return all
}

func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	return u.Host
}

func withPort(ip netip.Addr, port string) string {
	if port == "" {
		return ip.String()
	}
	return net.JoinHostPort(ip.String(), port)
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// ownAddresses are this machine's in its networks, IPv4 as boards have it, private
// ones first.
func ownAddresses() (all []netip.Addr) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if ip := p.Addr().Unmap(); err == nil && ip.Is4() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			all = append(all, ip)
		}
	}
	slices.SortStableFunc(all, func(a, b netip.Addr) int { return rankOf(a) - rankOf(b) })
	return all
}

func rankOf(ip netip.Addr) int {
	if ip.IsPrivate() {
		return 0
	}
	return 1
}
