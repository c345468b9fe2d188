package pythings

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/roost-iot/roost"
	"github.com/roost-iot/roost/gateway"
)

// Bases of the device API: that of generations 0 and 2, and that of generation 1.
const (
	base  = "/api/v1/"
	base1 = "/api/v0.2/"
	dist  = "/static/dist/PythingsOS/" // where generation 0 takes its OS from
)

// patience bounds how long a device may take to send a request, or to read an answer.
const patience = 60 * time.Second

// route is a call of the API.
type route struct {
	path  string
	serve func(d *Door, ctx context.Context, c *call) (answer, error)
	get   bool // may be asked for by GET
}

// routes are matched as prefixes: devices write a slash behind, and some more.
var routes = []route{
	{path: "things/preregister", serve: (*Door).preregister},
	{path: "things/register", serve: (*Door).register},
	{path: "things/report", serve: (*Door).report},
	{path: "apps/management", serve: (*Door).management},
	{path: "apps/worker", serve: (*Door).worker},
	{path: "msg/drop", serve: (*Door).worker}, // generation 0
	{path: "apps/get", serve: (*Door).appFiles, get: true},
	{path: "pythings/get", serve: (*Door).osFiles},
	{path: "time/epoch_s", serve: (*Door).epoch, get: true},
}

// BelowPrefix tells calls of devices whose backend ends with a prefix, or a slash: no
// ServeMux has a pattern for these, and none redirects a device to where it should be.
func BelowPrefix(r *http.Request) bool {
	if r.Method != http.MethodPost || strings.HasPrefix(r.URL.Path, "/api/") {
		return false
	}
	at := max(strings.Index(r.URL.Path, base), strings.Index(r.URL.Path, base1))
	return at > 0
}

// ServeHTTP serves the device API below any prefix: a device may have one in its backend.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := newCall(w, r)
	if at := strings.Index(r.URL.Path, dist); at >= 0 && !strings.Contains(r.URL.Path, "/api/") {
		c.answer(d.file(r.URL.Path[at+len(dist):], r.Method))
		return
	}
	served, err := d.find(c)
	if err == nil {
		err = c.read(d.cfg.MaxBody)
	}
	if errors.Is(err, errVanished) {
		d.cfg.Log.Debug("request cut", "protocol", doorName, "remote", c.remote, "err", err)
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		d.refuse(c, err)
		return
	}
	a, err := served.serve(d, r.Context(), c)
	if err != nil {
		d.refuse(c, err)
		return
	}
	err = c.answer(a, nil)
	if a.sent != nil {
		a.sent(err)
	}
	if err != nil {
		d.cfg.Log.Debug("answer lost", "protocol", doorName, "remote", c.remote, "err", err)
	}
}

// find gives the route of a request. Errors: roost.NotFound, errMethod.
func (d *Door) find(c *call) (route, error) {
	path := c.r.URL.Path
	at, size := strings.Index(path, base), len(base)
	if at < 0 {
		at, size, c.old1 = strings.Index(path, base1), len(base1), true
	}
	if at >= 0 {
		for _, known := range routes {
			if !strings.HasPrefix(path[at+size:], known.path) {
				continue
			}
			if c.r.Method == http.MethodPost || known.get && c.r.Method == http.MethodGet {
				return known, nil
			}
			return route{}, errMethod
		}
	}
	return route{}, roost.Errorf(roost.NotFound, "There is no such call in the device API.")
}

// refuse answers with an error. What went wrong inside goes to the log.
func (d *Door) refuse(c *call, err error) {
	status, text := statusOf(err)
	if status >= http.StatusInternalServerError {
		d.cfg.Log.Log(c.r.Context(), gateway.Fault(c.r.Context()), "call failed", "protocol", doorName, "remote", c.remote, "path", c.r.URL.Path, "err", err)
	}
	if malformed(err) {
		c.cipher = nil // whoever sent it could not read more than that it failed
	}
	if lost := c.fail(status, text); lost != nil {
		d.cfg.Log.Debug("answer lost", "protocol", doorName, "remote", c.remote, "err", lost)
	}
}

// epoch tells the time; Pythings meant to.
func (d *Door) epoch(context.Context, *call) (answer, error) {
	return answer{json: map[string]int64{"epoch_s": time.Now().Unix()}}, nil
}
