package coap

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestPathAndItsSegments(t *testing.T) {
	for _, c := range []struct {
		set      string
		segments []string
		path     string
	}{
		{"/led", []string{"led"}, "/led"},
		{"led", []string{"led"}, "/led"},
		{"/", nil, "/"},
		{"", nil, "/"},
		{"//led", []string{"", "led"}, "//led"},
		{"/a/", []string{"a", ""}, "/a/"},
		{"/.well-known/core", []string{".well-known", "core"}, "/.well-known/core"},
		{"/a%2Fb/c", []string{"a/b", "c"}, "/a%2Fb/c"},
		{"/50%", []string{"50%"}, "/50%25"},
		{"/%C3%A9", []string{"é"}, "/é"},
		{"/%zz", []string{"%zz"}, "/%25zz"},
	} {
		var o Options
		o.SetPath(c.set)
		var got []string
		for v := range o.All(URIPath) {
			got = append(got, string(v))
		}
		if !slices.Equal(got, c.segments) || o.Path() != c.path {
			t.Errorf("%q: %q, path %q", c.set, got, o.Path())
		}
		var again Options
		if again.SetPath(o.Path()); !again.equal(o) {
			t.Errorf("%q: its path %q has other segments", c.set, o.Path())
		}
	}
}

func TestPathIs(t *testing.T) {
	for path, want := range map[string]bool{"/alive": true, "/alive/x": false, "/": false, "/aliv": false, "/x/alive": false, "/alive/alive": false} {
		var o Options
		o.SetPath(path)
		if o.PathIs("alive") != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}

func TestQuery(t *testing.T) {
	var o Options
	o.SetQuery("a=1&b&c=%26")
	if got := o.Query(); !slices.Equal(got, []string{"a=1", "b", "c=&"}) {
		t.Errorf("%q", got)
	}
	if o.SetQuery(""); o.Has(URIQuery) {
		t.Error("an empty query is there")
	}
}

func TestUintValues(t *testing.T) {
	for v, n := range map[uint32]int{0: 0, 1: 1, 255: 1, 256: 2, 65535: 2, 65536: 3, 1<<24 - 1: 3, 1 << 24: 4, 1<<32 - 1: 4} {
		b := EncodeUint(v)
		if got, ok := DecodeUint(b); len(b) != n || got != v || !ok {
			t.Errorf("%d: %x, back %d", v, b, got)
		}
	}
	if v, ok := DecodeUint([]byte{0, 0, 7}); v != 7 || !ok {
		t.Error("leading zeros")
	}
	if _, ok := DecodeUint(make([]byte, 5)); ok {
		t.Error("five bytes")
	}
	o := Options{{ContentFormat, []byte{1, 2, 3}}}
	if _, ok := o.Format(); ok {
		t.Error("a Content-Format of three bytes")
	}
}

func TestAddKeepsOrder(t *testing.T) {
	var o Options
	o.SetUint(Size1, 9)
	o.AddString(URIPath, "a")
	o.AddString(URIPath, "b")
	o.SetUint(Observe, 0)
	o.SetUint(Size1, 10)
	var got []OptionNumber
	for _, p := range o {
		got = append(got, p.Number)
	}
	if !slices.Equal(got, []OptionNumber{Observe, URIPath, URIPath, Size1}) {
		t.Errorf("%v", got)
	}
	if v, ok := o.Uint(Size1); v != 10 || !ok {
		t.Errorf("Size1 %d", v)
	}
}

func TestOptionClasses(t *testing.T) {
	for _, c := range []struct {
		n                         OptionNumber
		critical, unsafe, noCache bool
	}{
		{IfMatch, true, false, false},
		{URIHost, true, true, false},
		{ETag, false, false, false},
		{URIPath, true, true, false},
		{MaxAge, false, true, false},
		{Block1, true, true, false},
		{Size1, false, false, true},
		{Size2, false, false, true},
		{ProxyURI, true, true, false},
	} {
		if c.n.Critical() != c.critical || c.n.Unsafe() != c.unsafe || c.n.NoCacheKey() != c.noCache {
			t.Errorf("%v: critical %v, unsafe %v, no cache key %v", c.n, c.n.Critical(), c.n.Unsafe(), c.n.NoCacheKey())
		}
	}
}

func TestUnrecognizedCriticalOption(t *testing.T) {
	understood := func(n OptionNumber) bool { return n == URIPath || n == URIHost || n == Accept }
	for name, c := range map[string]struct {
		o    Options
		want OptionNumber
	}{
		"none":             {Options{{URIHost, []byte("h")}, {URIPath, []byte("a")}, {URIPath, []byte("b")}}, 0},
		"elective unknown": {Options{{2050, nil}}, 0},
		"critical unknown": {Options{{URIPath, nil}, {2051, nil}}, 2051},
		"too long":         {Options{{Accept, []byte{1, 2, 3}}}, Accept},
		"too short":        {Options{{URIHost, nil}}, URIHost},
		"twice":            {Options{{Accept, nil}, {Accept, nil}}, Accept},
		"long path":        {Options{{URIPath, make([]byte, 256)}}, URIPath},
	} {
		n, found := c.o.Unrecognized(understood)
		if n != c.want || found != (c.want != 0) {
			t.Errorf("%s: %v %v", name, n, found)
		}
	}
}

func TestBlockValues(t *testing.T) {
	for v, want := range map[uint32]Block{
		0:        {},
		6:        {SZX: 6},
		0x0e:     {More: true, SZX: 6},
		0x1a:     {Num: 1, More: true, SZX: 2},
		0xfffff6: {Num: MaxBlockNum, SZX: 6},
	} {
		o := Options{{Block2, EncodeUint(v)}}
		b, ok, err := o.Block(Block2)
		if b != want || !ok || err != nil || b.Value() != v {
			t.Errorf("%x: %+v %v %v", v, b, ok, err)
		}
	}
	for _, bad := range [][]byte{{7}, {0x1f}, {1, 2, 3, 4}} {
		if _, ok, err := (Options{{Block2, bad}}).Block(Block2); !ok || !errors.Is(err, ErrBlock) {
			t.Errorf("%x: %v %v", bad, ok, err)
		}
	}
	if b := (Block{Num: 3, SZX: 2}); b.Size() != 64 || b.Offset() != 192 {
		t.Errorf("size %d, offset %d", b.Size(), b.Offset())
	}
	for size, want := range map[int]uint8{0: 0, 16: 0, 31: 0, 32: 1, 64: 2, 100: 2, 1023: 5, 1024: 6, 1 << 20: 6} {
		if SZX(size) != want {
			t.Errorf("SZX(%d) = %d", size, SZX(size))
		}
	}
}

func TestFresher(t *testing.T) {
	for _, c := range []struct {
		known, next uint32
		apart       time.Duration
		want        bool
	}{
		{1, 2, 0, true},
		{2, 1, 0, false},
		{2, 2, 0, false},
		{0xffffff, 0, 0, true},
		{0, 0xffffff, 0, false},
		{0, 1 << 23, 0, false},
		{0, 1<<23 - 1, 0, true},
		{2, 1, 128 * time.Second, false},
		{2, 1, 128*time.Second + 1, true},
	} {
		if got := Fresher(c.known, c.next, c.apart); got != c.want {
			t.Errorf("%d then %d after %v: %v", c.known, c.next, c.apart, got)
		}
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		Changed.String():               "2.04 Changed",
		RequestEntityTooLarge.String(): "4.13 Request Entity Too Large",
		PUT.String():                   "PUT",
		Empty.String():                 "Empty",
		Code(0x9b).String():            "4.27",
		Code(0x1f).String():            "0.31",
		Reset.String():                 "RST",
		URIPath.String():               "Uri-Path",
		OptionNumber(2051).String():    "option 2051",
		LinkFormat.String():            "application/link-format",
		Format(9999).String():          "content-format 9999",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCodeClasses(t *testing.T) {
	for c, want := range map[Code]string{Empty: "", GET: "request", Code(31): "request", Changed: "response", NotFound: "response", BadGateway: "response", Code(1<<5 | 1): "reserved", Code(3 << 5): "reserved", Code(6 << 5): "reserved", Code(0xff): "reserved"} {
		got := ""
		switch {
		case c.IsRequest():
			got = "request"
		case c.IsResponse():
			got = "response"
		case c.Reserved():
			got = "reserved"
		}
		if got != want {
			t.Errorf("%v: %s", c, got)
		}
	}
}
