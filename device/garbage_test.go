package device_test

import (
	"strings"
	"testing"
)

// junk feeds what listens to others with pieces of good packets, put together anyhow.
// Each decoder may refuse by what its caller expects, and by nothing else.
const junk = `
import platform
from rt import air, coap, dns, mqtt, node, portal, setup, ws
seed = 20261121
def dice(n):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    return (seed >> 8) % n
good = (
    b'\0\7\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1',
    b'\x42\1\0\1ab\xbb.well-known\4core', b'\x42\3\0\2ab\xb3led\xff1', b'\x40\0\0\3', b'\x44\1\0\4abcd\xb3led\xc1\x06\xd1\x0a\x06\x71\xff',
    b'\x32\x0d\0\x0agateway/led\0\1{}', b'\x30\x0f\0\x0dgateway/check', b'\x20\2\0\0', b'\xd0\0',
    b'\x81\x13{"request":"discover"}'[:21], b'\x81\x7e\0\x80' + b'x' * 128, b'\x01\2ab\x80\2cd', b'\x89\0', b'\x88\2\3\xe8',
    b'POST /save HTTP/1.1\r\nContent-Length: 20\r\n\r\nssid=a&password=%41%zz', b'GET /?cmd=join&essid=%c3%28&password= HTTP/1.1\r\n\r\n',
    b'POST /join HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"a":[1]}', b'GET / HTTP/1.1\r\n\r\n', bytes(range(256)),
)
def bad():
    m = bytearray(good[dice(len(good))])
    for _ in range(dice(6)):
        k = dice(4)
        i = dice(len(m)) if m else 0
        if k == 0 and m:
            m[i] = dice(256)
        elif k == 1:
            m = m[:i]
        elif k == 2:
            m = m[i:]
        else:
            m = m[:i] + good[dice(len(good))] + m[i:]
    return bytes(m)

class Line:  # both ends of a connection
    def __init__(self, b):
        self.b = b
    async def read(self, n):
        b, self.b = self.b[:n], self.b[n:]
        return b
    async def readexactly(self, n):
        if len(self.b) < n:
            raise EOFError
        return await self.read(n)
    async def readline(self):
        i = self.b.find(b'\n') + 1 or len(self.b)
        return await self.read(i)
    def write(self, b):
        pass
    async def drain(self):
        pass
    def close(self):
        pass
    wait_closed = drain

class Thing:
    id = 'x'
    def names(self):
        return ['led', 'name']
    async def read(self, name):
        return 'value' * 300
    async def write(self, name, s):
        if name != 'led':
            raise KeyError(name)
        return str(int(s))
    async def values(self):
        return {'led': '1'}

async def each(m, thing):
    a = dns.reply(m, '192.168.4.1')
    assert a is None or len(a) >= 12
    a = await coap.answer(thing, m)
    assert a is None or a[0] >> 6 == 1 and len(a) < 1200
    client = mqtt.Client(Line(m), Line(b''))
    try:
        await mqtt.Manner(client, thing).hear()
    except (ValueError, EOFError, OSError):
        pass
    s = ws.Socket(Line(m), Line(b''))
    try:
        await ws.talk(thing, s)
    except (ValueError, EOFError, OSError):
        pass
    try:
        await setup.request(Line(m), Line(b''))
    except (ValueError, EOFError, OSError):
        pass

async def main():
    thing = Thing()
    async def never():
        await hal.sleep_ms(1000000)
    thing.changed = never
    air.ending = lambda ms=0: None
    async def join(w):
        return False
    air.join = join
    for i in range(1500):
        m = bad()
        try:
            await each(m, thing)
        except Exception as e:
            print('at', m)
            raise
    print('all', i + 1, 'over')
asyncio.run(main())
`

func TestGarbageIsRefused(t *testing.T) {
	b := boxed(t, nil, junk, nil)
	b.on()
	if got := b.says("over"); strings.Contains(got, "Traceback") {
		t.Error(got)
	}
}
