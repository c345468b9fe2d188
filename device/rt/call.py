# Calls of docs/protocols/agent.md: hello in clear, all else in frames.
import json
from binascii import hexlify
from rt import hal
from rt.seal import Session, be, hmac, same, unhex


class Refused(Exception):  # a hint, nobody vouches for it
    def __init__(self, st, h, b):
        self.st = st
        try:
            self.wait = min(int(h.get("retry-after", "0")), 3600)
        except ValueError:
            self.wait = 0
        try:
            d = json.loads(b)
            text = str(d.get("error"))[:150]
        except (ValueError, AttributeError):
            text = ""
        super().__init__("%d %s" % (st, text))


class Calls:
    async def clear(self, path, d, http=None):
        head = (("Content-Type", "application/json"),)
        st, h, b = await (http or self.http).request("POST", path, json.dumps(d).encode(), head)
        if st != 200:
            raise Refused(st, h, b)
        return json.loads(b)

    async def hello(self):
        n = hal.urandom(16)
        d = await self.clear("/d/1/hello", {"id": self.id, "nonce": hexlify(n).decode()})
        sid, n2, now = unhex(d["session"], 8), unhex(d["nonce"], 16), int(d["now"])
        if not same(hmac(self.key, b"roost hello", n, n2, sid, be(now, 8)), unhex(d["mac"], 32)):
            raise ValueError("who answers to hello is not the Roost of this key")
        self.s = Session(self.key, n, n2, sid)
        self.clock(now)

    def clock(self, now):
        if abs(hal.now() - now) > 1000:
            hal.set_time(now)
        self.q.stamp()

    async def sealed(self, http, path, text, wait=0):
        s = self.s
        c, frame = s.seal(path, text.encode())
        text = None
        head = (("Content-Type", "application/octet-stream"),)
        st, h, b = await http.request("POST", path, frame, head, wait)
        if st != 200:
            if st == 401 and self.s is s:
                self.s = None
            raise Refused(st, h, b)
        d = json.loads(s.open(path, c, b))
        self.clock(int(d["now"]))
        self.at = hal.ticks_ms()
        return d
