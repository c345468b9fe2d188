package websocket

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pieces is a stream that gives its bytes in pieces of one size, and keeps what is written.
type pieces struct {
	in   []byte
	size int
	out  bytes.Buffer
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.in) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(p.size, len(b))], p.in)
	p.in = p.in[n:]
	return n, nil
}

func (p *pieces) Write(b []byte) (int, error)      { return p.out.Write(b) }
func (p *pieces) Close() error                     { return nil }
func (p *pieces) SetReadDeadline(time.Time) error  { return nil }
func (p *pieces) SetWriteDeadline(time.Time) error { return nil }
func (p *pieces) SetDeadline(time.Time) error      { return nil }

// frame builds a client's frame.
func frame(fin bool, op Op, payload string) []byte {
	b := appendHeader(nil, op, len(payload))
	b[1] |= maskBit
	if !fin {
		b[0] &^= finBit
	}
	key := [4]byte{1, 0x80, 0xff, 7}
	b = append(b, key[:]...)
	masked := []byte(payload)
	unmask(masked, key)
	return append(b, masked...)
}

// heard reads all that comes in pieces of a size: messages, the end, what was answered.
func heard(in []byte, size int, o Options) []string {
	p := &pieces{in: slices.Clone(in), size: size}
	c := New(p, o)
	var out []string
	for {
		op, msg, err := c.Next()
		if err != nil {
			return append(out, err.Error(), fmt.Sprintf("%x", p.out.Bytes()))
		}
		out = append(out, fmt.Sprintf("%d %s", op, msg))
	}
}

func TestMessagesInPieces(t *testing.T) {
	long, longer := strings.Repeat("l", 300), strings.Repeat("m", 70_000)
	in := slices.Concat(
		frame(true, Text, "one"), frame(false, Text, "tw"), frame(true, opPing, "p"), frame(false, opContinuation, ""), frame(true, opContinuation, "o"),
		frame(true, Binary, long), frame(true, Text, longer), frame(true, opPong, "x"), frame(true, Text, ""),
		frame(true, opClose, "\x03\xe8bye"),
	)
	want := []string{"1 one", "1 two", "2 " + long, "1 " + longer, "1 ", "websocket closed: 1000 bye", "8a0170" + "880203e8"}
	for _, size := range []int{1, 2, 7, 64, 513, 1 << 20} {
		if got := heard(in, size, Options{MaxMessage: 1 << 20}); !slices.Equal(got, want) {
			t.Errorf("pieces of %d: %.300q", size, got)
		}
	}
}

func TestLimitHoldsForAllFragmentsTogether(t *testing.T) {
	in := slices.Concat(frame(false, Text, strings.Repeat("x", 60)), frame(true, opPing, "p"), frame(true, opContinuation, strings.Repeat("x", 41)))
	got := heard(in, 1000, Options{MaxMessage: 100})
	if len(got) != 2 || !strings.HasPrefix(got[0], "websocket closed: 1009 ") {
		t.Errorf("%q", got)
	}
}

func TestBufferIsSmallAgainAfterALongMessage(t *testing.T) {
	p := &pieces{in: slices.Concat(frame(true, Text, strings.Repeat("x", 50_000)), frame(true, Text, "y")), size: 50_008}
	c := New(p, Options{})
	for range 2 {
		if _, _, err := c.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := c.Next(); !errors.Is(err, io.EOF) || cap(c.in) != defaultKeepBuffer {
		t.Errorf("%v, buffer of %d", err, cap(c.in))
	}
}

func TestAppendTextHeaders(t *testing.T) {
	for size, want := range map[int]string{0: "8100", 125: "817d", 126: "817e007e", 65535: "817effff", 65536: "817f0000000000010000"} {
		b := AppendText(nil, strings.Repeat("x", size))
		if got := fmt.Sprintf("%x", b[:len(b)-size]); got != want {
			t.Errorf("%d: %s, want %s", size, got, want)
		}
	}
}

func TestPingsAndSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		c := New(ours, Options{Ping: 30 * time.Second, Dead: 90 * time.Second})
		start := time.Now()
		end := make(chan error)
		go func() {
			_, _, err := c.Next()
			end <- err
		}()
		ping := make([]byte, 2)
		if _, err := io.ReadFull(theirs, ping); err != nil || ping[0] != 0x89 || time.Since(start) != 30*time.Second {
			t.Errorf("%x after %v, %v", ping, time.Since(start), err)
		}
		if _, err := theirs.Write(frame(true, opPong, "")); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		if err := <-end; !errors.Is(err, ErrSilent) || time.Since(start) != 120*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		_ = c.Cut()
	})
}

// The deadline is not moved with every message: it counts from the last all the same.
func TestSilenceCountsFromTheLastWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		c := New(ours, Options{Ping: 30 * time.Second, Dead: 90 * time.Second})
		start := time.Now()
		end := make(chan error)
		go func() {
			for range 3 {
				if _, _, err := c.Next(); err != nil {
					t.Error(err)
				}
			}
			_, _, err := c.Next()
			end <- err
		}()
		for range 3 { // at 20, 40 and 60 s
			time.Sleep(20 * time.Second)
			if _, err := theirs.Write(frame(true, Text, "here")); err != nil {
				t.Fatal(err)
			}
		}
		for at := 90 * time.Second; at <= 120*time.Second; at += 30 * time.Second {
			ping := make([]byte, 2)
			if _, err := io.ReadFull(theirs, ping); err != nil || ping[0] != 0x89 || time.Since(start) != at {
				t.Errorf("%x after %v, %v", ping, time.Since(start), err)
			}
		}
		if err := <-end; !errors.Is(err, ErrSilent) || time.Since(start) != 150*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		_ = c.Cut()
	})
}

func TestCloseWaitsForThePeerButNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, answers := range []bool{true, false} {
			ours, theirs := net.Pipe()
			c := New(ours, Options{})
			done := make(chan time.Duration)
			start := time.Now()
			go func() {
				_ = c.Close(1003, strings.Repeat("é", 100))
				done <- time.Since(start)
			}()
			got := make([]byte, 2+2+122)
			if _, err := io.ReadFull(theirs, got); err != nil || got[0] != 0x88 || binary.BigEndian.Uint16(got[2:]) != 1003 || !strings.HasSuffix(string(got), "é") {
				t.Errorf("%q, %v", got, err)
			}
			want := closePatience
			if answers {
				if _, err := theirs.Write(slices.Concat(frame(true, Text, strings.Repeat("x", 3000)), frame(true, opClose, "\x03\xeb"))); err != nil {
					t.Fatal(err)
				}
				want = 0
			}
			if took := <-done; took != want {
				t.Errorf("answers %v: took %v", answers, took)
			}
			if err := c.WriteText("x"); err == nil {
				t.Error("a frame behind the close frame")
			}
		}
	})
}

// patient is a stream whose writes hang for ever, unless they are broken.
type patient struct{ net.Conn }

func (p patient) SetWriteDeadline(t time.Time) error {
	if time.Until(t) > lastWrite {
		t = time.Time{}
	}
	return p.Conn.SetWriteDeadline(t)
}

// TestInterruptBreaksAWriteThatHangs runs by the real clock: a mutex is nothing that
// synctest waits for.
func TestInterruptBreaksAWriteThatHangs(t *testing.T) {
	ours, theirs := net.Pipe() // nobody reads
	defer theirs.Close()
	c := New(patient{ours}, Options{})
	wrote, read := make(chan error, 1), make(chan error, 1)
	go func() { wrote <- c.WriteText("x") }()
	go func() {
		_, _, err := c.Next()
		read <- err
	}()
	c.Interrupt(GoingAway, "", 10*time.Millisecond)
	if err := <-read; err == nil {
		t.Error("a message came")
	}
	if err := <-wrote; err == nil {
		t.Error("the write went through")
	}
	_ = c.Cut()
}

func TestPeerThatGoesOnTalkingIsInterruptedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		c := New(ours, Options{})
		var peer sync.WaitGroup
		peer.Go(func() { _, _ = io.Copy(io.Discard, theirs) })
		peer.Go(func() {
			for range 100 {
				if _, err := theirs.Write(frame(true, Text, "x")); err != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		})
		start := time.Now()
		for {
			if _, _, err := c.Next(); err != nil {
				break
			}
			c.Interrupt(Policy, "deleted", time.Second)
		}
		if late := time.Since(start); late > time.Second {
			t.Errorf("it was listened to for %v", late)
		}
		_ = c.Cut()
		peer.Wait()
	})
}

// overtaken is a stream whose first write deadline, which is none, is set after its second.
type overtaken struct {
	net.Conn
	calls  atomic.Int32
	first  chan struct{} // begun
	second chan struct{} // done
}

func (o *overtaken) SetWriteDeadline(t time.Time) error {
	switch o.calls.Add(1) {
	case 1:
		close(o.first)
		<-o.second
		t = time.Time{}
	case 2:
		defer close(o.second)
	}
	return o.Conn.SetWriteDeadline(t)
}

func TestInterruptBreaksAWriteThatJustBegins(t *testing.T) {
	ours, theirs := net.Pipe() // nobody reads
	defer theirs.Close()
	stream := &overtaken{Conn: ours, first: make(chan struct{}), second: make(chan struct{})}
	c := New(stream, Options{})
	wrote := make(chan error, 1)
	go func() { wrote <- c.WriteText("x") }()
	<-stream.first
	c.Interrupt(GoingAway, "", time.Millisecond)
	if err := <-wrote; err == nil {
		t.Error("the write went through")
	}
	_ = c.Cut()
}

// closes is a stream that counts how often it was closed.
type closes struct {
	pieces
	count int
}

func (c *closes) Close() error { c.count++; return nil }

func TestAbortLeavesTheCloseFrameToThePeer(t *testing.T) {
	s := &closes{}
	c := New(s, Options{})
	c.Interrupt(Policy, "taken over", time.Second)
	if err := c.WriteText("too late"); err == nil {
		t.Error("a message went out behind the close frame")
	}
	if _ = c.Abort(); s.count != 0 {
		t.Error("the connection was reset with the close frame in it")
	}
	if _ = c.Cut(); s.count != 1 {
		t.Errorf("closed %d times", s.count)
	}
}

// FuzzConn: what is heard does not hang on how the bytes are cut, and nothing panics.
func FuzzConn(f *testing.F) {
	f.Add(slices.Concat(frame(true, Text, "one"), frame(false, Text, "a"), frame(true, opContinuation, "b"), frame(true, opClose, "")), byte(3))
	f.Add(frame(true, opPing, "hello"), byte(1))
	f.Add([]byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}, byte(2))
	f.Add([]byte{0x81, 5, 'h'}, byte(1))
	f.Fuzz(func(t *testing.T, in []byte, size byte) {
		o := Options{MaxMessage: 2000, KeepBuffer: 64}
		whole, cut := heard(in, 1<<20, o), heard(in, int(size)+1, o)
		if !slices.Equal(whole, cut) {
			t.Fatalf("%q\n%q", whole, cut)
		}
		p := &pieces{in: in, size: int(size) + 1}
		_ = New(p, o).Close(1000, "bye")
		if got := p.out.String(); got != "\x88\x05\x03\xe8bye" {
			t.Fatalf("%q", got)
		}
	})
}

// counting is a stream that counts its reads.
type counting struct {
	net.Conn
	reads int
}

func (c *counting) Read(b []byte) (int, error) { c.reads++; return c.Conn.Read(b) }

func TestPeerThatMayBeSilentNowIsLeftInPeace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		stream := &counting{Conn: near}
		c := New(stream, Options{Dead: time.Second})
		got := make(chan error)
		go func() {
			_, _, err := c.Next()
			got <- err
			c.SetDead(0)
			_, _, err = c.Next()
			got <- err
		}()
		for _, wait := range []time.Duration{0, time.Minute} {
			time.Sleep(wait)
			if _, err := far.Write(frame(true, Text, "x")); err != nil {
				t.Fatal(err)
			}
			if err := <-got; err != nil {
				t.Fatal(err)
			}
		}
		if stream.reads > 4 {
			t.Errorf("%d reads for two messages", stream.reads)
		}
	})
}
