package websocket

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// Check tells whether r asks for a WebSocket, and answers it when it does not.
func Check(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		refuse(w, http.StatusMethodNotAllowed, "A WebSocket is opened with GET.")
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		refuse(w, http.StatusBadRequest, `Can "Upgrade" only to "WebSocket".`)
	case !hasToken(r.Header.Values("Connection"), "upgrade"):
		refuse(w, http.StatusBadRequest, `"Connection" must be "Upgrade".`)
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		w.Header().Set("Sec-WebSocket-Version", "13")
		refuse(w, http.StatusUpgradeRequired, "Only version 13 of WebSocket is spoken here.")
	case !validKey(r.Header.Get("Sec-WebSocket-Key")):
		refuse(w, http.StatusBadRequest, "Sec-WebSocket-Key must be 16 bytes in base64.")
	default:
		return true
	}
	return false
}

func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(status)
	fmt.Fprint(w, text)
}

func hasToken(values []string, token string) bool {
	for _, v := range values {
		for item := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(item), token) {
				return true
			}
		}
	}
	return false
}

func validKey(key string) bool {
	raw, err := base64.StdEncoding.DecodeString(key)
	return err == nil && len(raw) == 16
}

// Options say how a connection behaves. The zero value works.
type Options struct {
	Protocol   string        // subprotocol to answer; "" answers none
	MaxMessage int           // longest message in bytes; 0: 64 KiB
	KeepBuffer int           // read buffer kept while idle; 0: 512 bytes
	Ping       time.Duration // ping a peer that was silent so long; 0: never
	Dead       time.Duration // give up a peer that was silent so long; 0: never
}

// Accept takes the connection of a request that passed Check. The handler may
// return while the connection lives on.
func Accept(w http.ResponseWriter, r *http.Request, o Options) (*Conn, error) {
	rw, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		refuse(w, http.StatusInternalServerError, "This connection cannot become a WebSocket.")
		return nil, fmt.Errorf("take over connection: %w", err)
	}
	c := New(rw, o)
	if n := buffered.Reader.Buffered(); n > 0 { // the client did not wait for the answer
		early, _ := buffered.Reader.Peek(n)
		c.in = append(c.in, early...)
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + guid))
	answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n"
	if o.Protocol != "" {
		answer += "Sec-WebSocket-Protocol: " + o.Protocol + "\r\n"
	}
	err = rw.SetDeadline(time.Time{}) // the HTTP server's own
	if err == nil {
		err = c.Write([]byte(answer + "\r\n"))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("answer handshake: %w", err), c.Cut())
	}
	return c, nil
}
