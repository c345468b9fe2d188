package board

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/roost-iot/roost"
)

// Whom Roost asks at its own HTTP server, see Config.Ask.
const (
	AskPrivate = "private" // boards that came from a private, loopback or link-local address
	AskAny     = "any"
	AskOff     = "off"
)

// Bounds of asking a board.
const (
	dialPatience = 3 * time.Second
	askPatience  = 12 * time.Second // for an answer; blinking five times comes before it
	maxAsked     = 64 << 10         // bytes of an answer; of a log, its end
	boardPort    = 80
	mostWaiting  = 4 // who wait while another asks the same board
)

// What a board can be asked to do.
const (
	ActIdentify     = "identify"
	ActRestart      = "restart"
	ActFactoryReset = "factory-reset"
)

// asker asks boards at their own HTTP servers, by addresses only: it looks no name up,
// takes no proxy and follows nobody.
var asker = &http.Client{
	Timeout: askPatience,
	Transport: &http.Transport{
		DialContext: (&net.Dialer{Timeout: dialPatience}).DialContext, DisableKeepAlives: true, DisableCompression: true,
		MaxResponseHeaderBytes: 8 << 10,
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// server is where a board's own HTTP server is.
type server struct {
	ref roost.Ref
	at  netip.AddrPort
	own string // the address that the board calls its own, "" if it tells none
}

// Status gives what a board says of itself at its own HTTP server, as a JSON object.
// Errors of this and of Logs, ReadLog and Act: roost.NotFound for no board, roost.Conflict when it may not
// be asked or somebody else answers, roost.Unavailable when nobody does.
func (d *Door) Status(ctx context.Context, ref roost.Ref) (roost.Value, error) {
	p, done, err := d.serverOf(ctx, ref)
	if err != nil {
		return "", err
	}
	defer done()
	return p.status(ctx)
}

// Logs gives the names of a board's logs, 50 at most. Errors as Status.
func (d *Door) Logs(ctx context.Context, ref roost.Ref) ([]string, error) {
	b, err := d.asked(ctx, ref, http.MethodGet, "/logs")
	if err != nil {
		return nil, err
	}
	return logNames(b), nil
}

// ReadLog gives the last lines of one of a board's logs, all of them if lines is under 1,
// but 64 KiB at most. Errors as Status.
func (d *Door) ReadLog(ctx context.Context, ref roost.Ref, name string, lines int) (string, error) {
	if !goodName(name) {
		return "", roost.Errorf(roost.NotFound, "A board has no log %q.", short(name))
	}
	path := "/logs/" + url.PathEscape(name)
	if lines > 0 {
		path += "?lines=" + strconv.Itoa(lines)
	}
	b, err := d.asked(ctx, ref, http.MethodGet, path)
	return logText(b), err
}

// Act makes a board blink, restart or forget its Wi-Fi, its name and its configuration, at
// once; act is one of the Act constants. Errors as Status, and roost.Invalid for another act.
func (d *Door) Act(ctx context.Context, ref roost.Ref, act string) error {
	words := map[string]string{
		ActIdentify: "asked to blink", ActRestart: "asked to restart", ActFactoryReset: "asked to forget its Wi-Fi, its name and its configuration",
	}[act]
	if words == "" {
		return roost.Errorf(roost.Invalid, "A board cannot be asked to %s.", short(act))
	}
	if _, err := d.asked(ctx, ref, http.MethodPost, "/"+act); err != nil {
		return err
	}
	d.write(ref, "info", words+" at its own address")
	return nil
}

// asked asks the board itself, once it is clear that it is the board that answers there.
func (d *Door) asked(ctx context.Context, ref roost.Ref, method, path string) ([]byte, error) {
	p, done, err := d.serverOf(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer done()
	if _, err := p.status(ctx); err != nil {
		return nil, err
	}
	return p.ask(ctx, method, path)
}

// serverOf finds where a board may be asked, and keeps others from asking it until done:
// boards have few connections. Few wait for that; the others are sent away.
func (d *Door) serverOf(ctx context.Context, ref roost.Ref) (p server, done func(), err error) {
	b := d.known(ref)
	t, _, ok := d.cfg.Registry.Get(ref)
	if b == nil || !ok || t.Identity.Door != doorName {
		return p, nil, roost.Errorf(roost.NotFound, "There is no board %q here.", ref.Thing)
	}
	if t.Enrolment != roost.Enrolled {
		return p, nil, roost.Errorf(roost.Conflict, "Board %s is not one of yours; approve it first.", ref.Thing)
	}
	b.mu.Lock()
	p = server{ref: ref, own: b.facts.IP}
	told := b.port
	b.mu.Unlock()
	if p.at, err = d.reach(t.Address, told); err != nil {
		return p, nil, err
	}
	select {
	case b.line <- struct{}{}:
	default:
		return p, nil, roost.Errorf(roost.Unavailable, "%s is being asked already, and %d wait for it; try again in a moment.", ref.Thing, mostWaiting)
	}
	select {
	case b.asking <- struct{}{}:
		return p, func() { <-b.asking; <-b.line }, nil
	case <-ctx.Done():
		<-b.line
		return p, nil, roost.Because(roost.Unavailable, ctx.Err(), "%s is being asked by others.", ref.Thing)
	}
}

// reach gives where to ask a board that came from an address. What a board tells of its port
// counts only if it is on this machine, as simulated ones are.
func (d *Door) reach(came string, told uint16) (at netip.AddrPort, err error) {
	from, err := netip.ParseAddrPort(came)
	if err != nil {
		return at, roost.Because(roost.Conflict, err, "Roost does not know from which address this board last came; it does after its next heartbeat.")
	}
	ip := from.Addr().Unmap()
	switch own := ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast(); {
	case d.cfg.Ask == AskOff:
		return at, roost.Errorf(roost.Conflict, "This Roost does not ask boards themselves: it was started with --ask-boards off.")
	case !own && (d.cfg.Ask != AskAny || !ip.IsGlobalUnicast()):
		return at, roost.Errorf(roost.Conflict, "The board last came from %s, which is no address of a private network; Roost asks boards there only if it is started with --ask-boards any.", ip)
	case ip.IsLoopback() && told > 0:
		return netip.AddrPortFrom(ip, told), nil
	}
	return netip.AddrPortFrom(ip, boardPort), nil
}

// status asks for the board's status, and is content only with that of this board.
func (p server) status(ctx context.Context) (roost.Value, error) {
	raw, err := p.ask(ctx, http.MethodGet, "/status")
	if err != nil {
		return "", err
	}
	var said struct {
		DeviceID string `json:"device_id"`
	}
	var b bytes.Buffer
	if json.Unmarshal(raw, &said) != nil || json.Compact(&b, raw) != nil || said.DeviceID == "" {
		return "", roost.Errorf(roost.Conflict, "What answers at %s is no board of this platform.%s", p.at.Addr(), p.between())
	}
	if said.DeviceID != string(p.ref.Thing) {
		return "", roost.Errorf(roost.Conflict, "At %s answers another board, %s. This one's new address is known after its next heartbeat.", p.at.Addr(), short(said.DeviceID))
	}
	return roost.Value(b.String()), nil
}

// ask asks once, and gives the answer if it is a good one.
func (p server) ask(ctx context.Context, method, path string) ([]byte, error) {
	var sent atomic.Bool // by the transport's own goroutine
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(i httptrace.WroteRequestInfo) { sent.Store(i.Err == nil) }})
	to := url.URL{Scheme: "http", Host: p.at.String()} // which writes the zone of IPv6 as it must be
	req, err := http.NewRequestWithContext(traced, method, to.String()+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask a board: %w", err)
	}
	var body []byte
	res, err := asker.Do(req)
	if err == nil {
		defer res.Body.Close()
		body, err = tail(res.Body)
	}
	switch {
	case err != nil && sent.Load() && (path == "/"+ActRestart || path == "/"+ActFactoryReset):
		return nil, nil // it went down before it could answer
	case err != nil:
		return nil, roost.Because(roost.Unavailable, err, "%s does not answer at %s. Is it on, and on the same network as Roost?%s", p.ref.Thing, p.at.Addr(), p.between())
	case res.StatusCode != http.StatusOK:
		return nil, roost.Errorf(statusKind(res.StatusCode), "%s answered %d%s.", p.ref.Thing, res.StatusCode, reasonIn(body))
	}
	return body, nil
}

// statusKind gives the kind of error that a board's refusal is.
func statusKind(status int) roost.ErrorKind {
	if status == http.StatusNotFound {
		return roost.NotFound
	}
	return roost.Conflict
}

// reasonIn gives what an answer of a board that refuses says.
func reasonIn(body []byte) string {
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &said) != nil || short(said.Error) == "" {
		return ""
	}
	return ": " + short(said.Error)
}

// between says that a board is not where it comes from, if so.
func (p server) between() string {
	if own, err := netip.ParseAddr(p.own); err != nil || own.Unmap() == p.at.Addr().WithZone("") {
		return ""
	}
	return fmt.Sprintf(" It calls %s its own address: something stands between, a proxy or a router.", p.own)
}

// tail reads an answer, and of a longer one keeps the end. Nobody has the patience for
// more than 16 times as much.
func tail(r io.Reader) ([]byte, error) {
	var kept []byte
	piece := make([]byte, 4096)
	for all := 0; all <= 16*maxAsked; {
		n, err := r.Read(piece)
		all += n
		kept = append(kept, piece[:n]...)
		if len(kept) > 2*maxAsked {
			kept = append(kept[:0], kept[len(kept)-maxAsked:]...)
		}
		if errors.Is(err, io.EOF) {
			return kept[max(0, len(kept)-maxAsked):], nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the answer does not end")
}
