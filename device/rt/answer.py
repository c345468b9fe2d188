# Reads answers of HTTP/1.1 off a stream: what is announced, and no more than it may be.
import asyncio

WAIT = 15000  # ms for what should come at once


class Answers:
    def __init__(self, r):
        self.r = r
        self.buf = b""

    async def _more(self, ms=WAIT):
        d = await asyncio.wait_for(self.r.read(512), ms / 1000)
        if not d:
            raise OSError("the connection ended")
        self.buf += d

    async def _line(self, ms=WAIT):
        while b"\n" not in self.buf:
            if len(self.buf) > 1024:
                raise OSError("no HTTP")
            await self._more(ms)
        i = self.buf.find(b"\n")
        line = self.buf[:i].strip()
        self.buf = self.buf[i + 1 :]
        return line.decode()

    async def head(self, ms):  # → status, headers
        while True:
            p = (await self._line(ms)).split(None, 2)
            if len(p) < 2 or p[0][:5] != "HTTP/":
                raise OSError("no HTTP")
            h = {}
            while True:
                line = await self._line()
                if not line:
                    break
                if len(h) > 40:
                    raise OSError("too many headers")
                k, _, v = line.partition(":")
                h[k.strip().lower()] = v.strip()
            if int(p[1]) >= 200:
                return int(p[1]), h

    async def _some(self, n, sink):  # in pieces of 512 bytes
        if n < 0:
            raise OSError("no HTTP")
        while n:
            k = min(n, 512)
            while len(self.buf) < k:
                await self._more()
            sink(self.buf[:k])
            self.buf = self.buf[k:]
            n -= k

    async def body(self, h, sink):
        if "chunked" in h.get("transfer-encoding", "").lower():
            while True:
                n = int((await self._line()).split(";")[0], 16)
                await self._some(n, sink)
                if await self._line() or not n:
                    return
        await self._some(int(h.get("content-length", "-1")), sink)
