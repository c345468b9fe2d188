package pythings

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"

	wire "github.com/roost-iot/roost/wire/pythings"
)

// Content types as Pythings has them. Devices read none.
const (
	typeJSON = "application/json"
	typeText = "text/html; charset=utf-8" // files, and all that is encrypted
)

// sandboxed keeps code of apps from running as ours in the browser of somebody who
// was led to it: Pythings calls its files HTML.
const sandboxed = "sandbox"

const (
	// piece is the most that goes out in one write, and so in one TLS record: small
	// boards take 5 kB.
	piece = 4096
	// firstPiece leaves room for the head of the answer.
	firstPiece = piece - 512
)

// answer is what a call is answered with: JSON, a file, or nothing.
type answer struct {
	json any    // an object, or a list; nil: none
	file []byte // goes out as it is; nil: none
	sent func(err error)
}

// answer writes a. A fault in making it is told in its place.
func (c *call) answer(a answer, err error) error {
	if err != nil {
		status, text := statusOf(err)
		return c.fail(status, text)
	}
	body, kind, err := c.encode(a)
	if err != nil {
		return c.fail(http.StatusInternalServerError, "The answer cannot be written.")
	}
	return c.write(http.StatusOK, kind, body)
}

// encode gives the body of an answer and its content type, "" if it has none.
func (c *call) encode(a answer) (body []byte, kind string, err error) {
	switch {
	case a.file != nil:
		if c.cipher != nil {
			body, err = c.cipher.Encrypt(nil, a.file)
			return body, typeText, err
		}
		return a.file, typeText, nil
	case a.json == nil && c.cipher == nil && !c.old0 && !c.old1:
		return nil, "", nil
	case c.old0:
		a.json = map[string]any{"data": a.json}
	}
	return c.encodeJSON(a.json)
}

func (c *call) encodeJSON(v any) (body []byte, kind string, err error) {
	if c.cipher == nil {
		body, err = wire.AppendJSON(nil, v, 0)
		return body, typeJSON, err
	}
	plain, err := wire.AppendJSON(nil, v, wire.EncryptedStyle)
	if err != nil {
		return nil, "", err
	}
	body, err = c.cipher.Encrypt(nil, plain)
	return body, typeText, err
}

// fail answers with an error: a JSON text, which devices write to their log.
func (c *call) fail(status int, text string) error {
	body, kind, err := c.encodeJSON(text)
	if err != nil {
		return err
	}
	return c.write(status, kind, body)
}

// write sends an answer whole, or ends the connection.
func (c *call) write(status int, kind string, body []byte) error {
	if c.conn != nil {
		return c.writeRaw(status, kind, body)
	}
	h := c.w.Header()
	h["Content-Type"] = nil // or net/http guesses one
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	if kind == typeText {
		h.Set("Content-Security-Policy", sandboxed)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Connection", "close")
	if status == http.StatusMethodNotAllowed {
		h.Set("Allow", http.MethodPost)
	}
	out := http.NewResponseController(c.w)
	_ = out.SetWriteDeadline(time.Now().Add(patience)) // tests may have none
	c.w.WriteHeader(status)
	if len(body) <= firstPiece {
		return c.writePieces(out, body)
	}
	return c.whole(func() error { return c.writePieces(out, body) })
}

func (c *call) writePieces(out *http.ResponseController, body []byte) error {
	for size := min(len(body), firstPiece); ; size = min(len(body), piece) {
		if _, err := c.w.Write(body[:size]); err != nil {
			return fmt.Errorf("write an answer: %w", err)
		}
		if err := out.Flush(); err != nil {
			return fmt.Errorf("write an answer: %w", err)
		}
		if body = body[size:]; len(body) == 0 {
			return nil
		}
	}
}

// writeRaw writes to the connection that was taken from the HTTP server, and ends it.
func (c *call) writeRaw(status int, kind string, body []byte) error {
	defer c.conn.Close()
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.0 %d %s\r\nDate: %s\r\n", status, http.StatusText(status), time.Now().UTC().Format(http.TimeFormat))
	if kind != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", kind)
	}
	if kind == typeText {
		fmt.Fprintf(&b, "Content-Security-Policy: %s\r\n", sandboxed)
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\nConnection: close\r\n\r\n", len(body))
	b.Write(body)
	_ = c.conn.SetDeadline(time.Now().Add(patience)) // a connection that is gone fails below
	return c.whole(func() error {
		for b.Len() > 0 {
			if _, err := c.conn.Write(b.Next(piece)); err != nil {
				return fmt.Errorf("write an answer: %w", err)
			}
		}
		return nil
	})
}
