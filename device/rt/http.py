# One HTTP/1.1 connection, kept open, and its answers: what is announced, and no more than it may be.
import asyncio
from rt import hal

_WAIT = const(15000)  # ms for what should come at once


def split(url):  # → secure, host, port, path before ours
    secure = url[:8] == "https://"
    if "://" in url:
        url = url[url.find("://") + 3 :]
    host, _, base = url.partition("/")
    port = 443 if secure else 80
    i = host.rfind(":")
    if i > host.rfind("]"):
        host, port = host[:i], int(host[i + 1 :])
    return secure, host, port, ("/" + base).rstrip("/")


class Http:
    def __init__(self, url, limit=4096):
        self.secure, self.host, self.port, self.base = split(url)
        self.limit = limit + 64
        self.w = self.a = None
        self.used = False  # has it answered already?
        self.stale = False  # did one that had answered fail before it said anything? Then try again at once
        self.lock = asyncio.Lock()

    async def close(self):
        w = self.w
        self.w = self.a = None
        self.used = False
        if w:
            try:
                w.close()
                if hal.MICRO:
                    await w.wait_closed()
            except Exception:
                pass

    async def _open(self):
        more = {}
        if self.secure:
            from rt import tls

            more = {"ssl": tls.context(), "server_hostname": self.host}
        hal.feed()
        r, self.w = await asyncio.wait_for(asyncio.open_connection(self.host.strip("[]"), self.port, **more), _WAIT // 1000)
        self.a = Answers(r)
        if not hal.MICRO:
            hal.pc.at(self.w)

    async def request(self, method, path, body=b"", headers=(), wait=0, sink=None):
        # → status, headers, body. A sink gets the body of a 200 or 206 instead. wait: seconds it may take longer.
        async with self.lock:
            self.stale = False
            used = self.used
            try:
                if not self.w:
                    await self._open()
                q = "%s %s%s HTTP/1.1\r\nHost: %s:%d\r\nContent-Length: %d\r\n" % (
                    (method, self.base, path, self.host, self.port, len(body))
                )
                for x in headers:
                    q += "%s: %s\r\n" % x
                self.w.write((q + "\r\n").encode() + body)
                q = body = headers = None  # not held while Roost holds the answer
                await self.w.drain()
                st, h = await self.a.head(_WAIT + wait * 1000)
                used = False
                b = bytearray()
                if st != 204:
                    await self.a.body(h, sink if sink and st in (200, 206) else self._keep(b))
                self.used = True
                if h.get("connection", "").lower() == "close":
                    await self.close()
                return st, h, b
            except BaseException:
                stale = used and not (self.a and self.a.buf)
                await self.close()
                self.stale = stale
                raise

    def _keep(self, b):
        def keep(d):
            if len(b) + len(d) > self.limit:
                raise OSError("the answer is too long")
            b.extend(d)

        return keep

    async def stream(self, path, headers, sink):
        return await self.request("GET", path, b"", headers, 0, sink)


class Answers:
    def __init__(self, r):
        self.r = r
        self.buf = b""

    async def _more(self, ms=_WAIT):
        d = await asyncio.wait_for(self.r.read(512), ms / 1000)
        if not d:
            raise OSError("the connection ended")
        self.buf += d

    def _line(self):  # None: it is not whole
        i = self.buf.find(b"\n")
        if i >= 0:
            line = self.buf[:i].strip()
            self.buf = self.buf[i + 1 :]
            return line.decode()
        if len(self.buf) > 1024:
            raise OSError("no HTTP")

    async def head(self, ms):  # → status, headers
        while True:
            line = self._line()
            while line is None:
                await self._more(ms)
                line = self._line()
            p = line.split(None, 2)
            if len(p) < 2 or p[0][:5] != "HTTP/":
                raise OSError("no HTTP")
            h = {}
            while True:
                line = self._line()
                if line is None:
                    await self._more()
                    continue
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
            last = None
            while True:
                line = self._line()
                if line is None:
                    await self._more()
                elif last is None:
                    last = int(line.split(";")[0], 16)
                    await self._some(last, sink)
                elif line or not last:
                    return
                else:
                    last = None
        await self._some(int(h.get("content-length", "-1")), sink)
