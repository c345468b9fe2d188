package pythings

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/roost-iot/roost"
	wire "github.com/roost-iot/roost/wire/pythings"
)

// call is one request and its answer.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	conn   net.Conn // taken from the HTTP server to read on; nil: not
	remote string
	now    time.Time
	old1   bool // of generation 1

	req    *wire.Request
	token  Token
	cipher *wire.Cipher // nil: clear
	old0   bool         // of generation 0
	thing  *thing
	run    roost.Run
}

func newCall(w http.ResponseWriter, r *http.Request) *call {
	return &call{w: w, r: r, remote: r.RemoteAddr, now: time.Now()}
}

// restPatience is how long the rest of a body may take that was announced too short.
const restPatience = 5 * time.Second

// read takes the body. A GET has none: its query stands for it. Errors: errVanished,
// roost.TooLarge, and those of wire.ParseRequest.
func (c *call) read(most int) (err error) {
	if c.r.Method == http.MethodGet {
		c.req, err = fromQuery(c.r.URL.Query())
		return err
	}
	_ = http.NewResponseController(c.w).SetReadDeadline(c.now.Add(patience)) // tests may have none
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, int64(most)))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return tooLarge(most)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errVanished, err)
	}
	c.req, err = wire.ParseRequest(body)
	if !errors.Is(err, wire.ErrCut) || wire.Missing(body, int(c.r.ContentLength)) == 0 || c.r.ContentLength < 0 {
		return err
	}
	return c.readOn(body, most)
}

func tooLarge(most int) error {
	return roost.Errorf(roost.TooLarge, "A request has at most %d bytes.", most)
}

// readOn takes what MicroPython sends beyond its content-length, which counts
// characters. net/http ends a body where it was announced to end, so the connection is
// taken from it.
func (c *call) readOn(body []byte, most int) error {
	conn, rw, err := http.NewResponseController(c.w).Hijack()
	if err != nil {
		return wire.ErrCut // this server lets nobody read on: the body stays cut
	}
	c.conn = conn
	_ = conn.SetDeadline(time.Now().Add(restPatience)) // a connection that is gone fails below
	body, err = readRest(rw.Reader, body, int(c.r.ContentLength), most)
	if err != nil {
		return err
	}
	c.req, err = wire.ParseRequest(body)
	return err
}

func readRest(from *bufio.Reader, body []byte, announced, most int) ([]byte, error) {
	for {
		more := wire.Missing(body, announced)
		if more == 0 {
			return body, nil
		}
		if len(body)+more > most {
			return nil, tooLarge(most)
		}
		rest := make([]byte, more)
		if _, err := io.ReadFull(from, rest); err != nil {
			return nil, wire.ErrCut
		}
		body = append(body, rest...)
	}
}

// fromQuery makes a request of the query of a GET.
func fromQuery(query map[string][]string) (*wire.Request, error) {
	body := map[string]string{}
	for name, values := range query {
		body[name] = values[0]
	}
	text, err := wire.AppendJSON(nil, body, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", wire.ErrRequest, err)
	}
	return wire.ParseRequest(text)
}
