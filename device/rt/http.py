# One HTTP/1.1 connection, kept open.
import asyncio
from rt import hal
from rt.answer import Answers, WAIT


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


def address(s):  # as a URL; None: it is none
    try:
        s = s if "://" in s else "http://" + s
        _, host, port, _ = split(s)
        if s[:4] == "http" and host.strip("[]") and " " not in s and 0 < port < 65536:
            return s
    except (ValueError, TypeError):
        pass


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
        r, self.w = await asyncio.wait_for(asyncio.open_connection(self.host.strip("[]"), self.port, **more), WAIT // 1000)
        self.a = Answers(r)
        if not hal.MICRO:
            hal.pc.ip = self.w.get_extra_info("sockname")[0]

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
                await self.w.drain()
                st, h = await self.a.head(WAIT + wait * 1000)
                used = False
                b = bytearray()

                def keep(d):
                    if len(b) + len(d) > self.limit:
                        raise OSError("the answer is too long")
                    b.extend(d)

                if st != 204:
                    await self.a.body(h, sink if sink and st in (200, 206) else keep)
                self.used = True
                if h.get("connection", "").lower() == "close":
                    await self.close()
                return st, h, b
            except BaseException:
                stale = used and not (self.a and self.a.buf)
                await self.close()
                self.stale = stale
                raise

    async def stream(self, path, headers, sink):
        return await self.request("GET", path, b"", headers, 0, sink)
