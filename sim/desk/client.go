package desk

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/roost-iot/roost/wire/agent"
)

// maxAnswer bounds what a Client reads of an answer.
const maxAnswer = 1 << 20

// Client is the thing's end of docs/protocols/agent.md in Go: a board without a board,
// for load and for tests of servers. One goroutine uses it at a time.
type Client struct {
	URL  string // of the server, "http://HOST:PORT"
	ID   string
	Key  agent.Key
	HTTP *http.Client // nil: http.DefaultClient

	Now int64 // what the server said last, ms since 1970 in UTC

	session *agent.Session
	counter uint32
}

// RefusedError is an answer in clear instead of what was asked for.
type RefusedError struct {
	Status int
	agent.Refusal
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("refused with %d (%s): %s", e.Status, e.State, e.Refusal.Error)
}

// Join gets an id and a key for a MAC, and keeps them in c. *RefusedError: it may not.
func (c *Client) Join(ctx context.Context, j agent.Join) error {
	pair, err := agent.NewPair()
	if err != nil {
		return err
	}
	j.Pub = hex.EncodeToString(pair.PublicKey().Bytes())
	var a agent.JoinAnswer
	if err := c.clear(ctx, agent.PathJoin, j, &a); err != nil {
		return err
	}
	if c.Key, err = a.Accept(pair); err != nil {
		return fmt.Errorf("join as %s: %w", j.MAC, err)
	}
	c.ID = a.ID
	return nil
}

// Hello begins a session. *RefusedError: nobody of this id is known, or let in.
func (c *Client) Hello(ctx context.Context) error {
	nonce := agent.NewNonce()
	var a agent.HelloAnswer
	err := c.clear(ctx, agent.PathHello, agent.Hello{ID: c.ID, Nonce: hex.EncodeToString(nonce[:])}, &a)
	if err != nil {
		return err
	}
	if c.session, err = a.Accept(c.Key, nonce); err != nil {
		return fmt.Errorf("hello as %s: %w", c.ID, err)
	}
	c.counter, c.Now = 0, a.Now
	return nil
}

// Register says who it is; it says hello before if it must.
func (c *Client) Register(ctx context.Context, r agent.Register) (a agent.RegisterAnswer, err error) {
	return a, c.sealed(ctx, agent.PathRegister, r, &a)
}

// Sync sends what there is and gives what comes. A refusal with 401 asks for Hello.
func (c *Client) Sync(ctx context.Context, s agent.Sync) (a agent.Answer, err error) {
	return a, c.sealed(ctx, agent.PathSync, s, &a)
}

// sealed calls with a frame.
func (c *Client) sealed(ctx context.Context, path string, in, out any) error {
	if c.session == nil {
		if err := c.Hello(ctx); err != nil {
			return err
		}
	}
	b, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("write for %s: %w", path, err)
	}
	c.counter++
	frame, err := c.call(ctx, path, "application/octet-stream", c.session.SealUp(path, c.counter, b))
	if err != nil {
		return err
	}
	counter, plain, err := c.session.OpenDown(path, frame)
	if err != nil || counter != c.counter {
		return fmt.Errorf("answer of %s, number %d of %d: %w", path, counter, c.counter, agent.ErrTag)
	}
	return json.Unmarshal(plain, out)
}

func (c *Client) clear(ctx context.Context, path string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("write for %s: %w", path, err)
	}
	answer, err := c.call(ctx, path, "application/json", b)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

func (c *Client) call(ctx context.Context, path, kind string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(c.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", kind)
	return c.do(r)
}

func (c *Client) do(r *http.Request) ([]byte, error) {
	h := c.HTTP
	if h == nil {
		h = http.DefaultClient
	}
	answer, err := h.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }() // it was read only
	b, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", r.URL.Path, err)
	}
	if answer.StatusCode/100 != 2 {
		refused := &RefusedError{Status: answer.StatusCode}
		_ = json.Unmarshal(b, &refused.Refusal) // it may be any text
		return nil, refused
	}
	return b, nil
}

// File fetches a file of what was offered, from a byte on; it says hello before if it must.
func (c *Client) File(ctx context.Context, sha256 string, from int64) ([]byte, error) {
	if c.session == nil {
		if err := c.Hello(ctx); err != nil {
			return nil, err
		}
	}
	path, ranged := agent.PathFiles+sha256, ""
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(c.URL, "/")+path, nil)
	if err != nil {
		return nil, err
	}
	if from > 0 {
		ranged = "bytes=" + strconv.FormatInt(from, 10) + "-"
		r.Header.Set("Range", ranged)
	}
	c.counter++
	counter := c.counter
	r.Header.Set("Authorization", c.session.AuthorizeFile(path, ranged, counter))
	b, err := c.do(r)
	if err != nil {
		return nil, err
	}
	c.session.FileStream(counter).XORKeyStream(b, b)
	return b, nil
}
