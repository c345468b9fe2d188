package exchange

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/roost-iot/roost/wire/coap"
)

// Handler answers a request. It runs on a reading goroutine and must be quick,
// so it must not call Do either; see Request.Later for those that can not. The
// zero Response sends nothing.
type Handler func(ctx context.Context, r *Request) Response

// Config tunes an Endpoint. The zero value is a client with the RFC's timing. Who
// runs thousands of endpoints sets Readers to 1 and MaxDatagram to 1,500: each
// reader has a buffer of that size, or Batch of them. All else grows with use.
type Config struct {
	Log *slog.Logger // none: silent

	// Handler answers requests. None: confirmable requests are reset.
	Handler Handler
	// Critical lists critical options that Handler processes besides Uri-*,
	// Accept and Block*: If-Match, for example. A request with another one is
	// answered 4.02.
	Critical []coap.OptionNumber

	// More are further sockets at the same address, among which the system shares
	// out the remotes (SO_REUSEPORT). With one reader each, what a remote sends is
	// handled in order and remotes do not wait for each other.
	More []Conn

	Readers           int // goroutines that read each socket; 2
	Batch             int // datagrams that are read, and answered, in one system call (Linux); 1
	MaxDatagram       int // bytes of the largest message read; 65,535
	MaxBody           int // bytes of the largest payload put together from blocks; 64 KiB
	BlockSize         int // request payloads above this are sent in blocks of it; 64
	ResponseBlockSize int // the same for responses; 1,024

	Duplicates     int           // remembered messages, 80 bytes each; 262,144
	DuplicateBytes int           // bytes of remembered long responses; 16 MiB
	Lifetime       time.Duration // of a remembered message; EXCHANGE_LIFETIME, 247 s
	Transfers      int           // block-wise transfers under way as a server; 256
	TransferIdle   time.Duration // after which such a transfer is forgotten; 60 s

	ACKTimeout    time.Duration // before the first retransmission; 2 s
	RandomFactor  float64       // spread of that time; 1.5
	MaxRetransmit int           // retransmissions of a confirmable message; 4, negative: none
	AnswerTimeout time.Duration // from the empty ACK to the separate response; 93 s
	EmptyACK      time.Duration // a later answer is first acknowledged after this; 100 ms

	NStart int // open requests per remote; 1
	Queue  int // requests waiting for their turn per remote; 64

	Observers    int // of resources served here; 1,024
	ConfirmEvery int // every so many notifications one is confirmable; 20
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	or(&c.Readers, 2)
	or(&c.Batch, 1)
	or(&c.MaxDatagram, 65535)
	or(&c.MaxBody, 64<<10)
	or(&c.BlockSize, 64)
	or(&c.ResponseBlockSize, 1024)
	or(&c.Duplicates, 1<<18)
	or(&c.DuplicateBytes, 16<<20)
	or(&c.Lifetime, 247*time.Second)
	or(&c.Transfers, 256)
	or(&c.TransferIdle, time.Minute)
	or(&c.ACKTimeout, 2*time.Second)
	or(&c.RandomFactor, 1.5)
	or(&c.MaxRetransmit, 4)
	or(&c.AnswerTimeout, 93*time.Second)
	or(&c.EmptyACK, 100*time.Millisecond)
	or(&c.NStart, 1)
	or(&c.Queue, 64)
	or(&c.Observers, 1024)
	or(&c.ConfirmEvery, 20)
	return c
}

func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// firstTimeout is how long to wait for the acknowledgement of a first
// transmission (RFC 7252, 4.2).
func (c *Config) firstTimeout() time.Duration {
	spread := max(c.RandomFactor-1, 0) * rand.Float64()
	return time.Duration(float64(c.ACKTimeout) * (1 + spread))
}
