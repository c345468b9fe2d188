# Answers of HTTP, in all sorts of pieces, and what is none.
import asyncio, os
from rt import hal
from rt.http import Answers
from rt.http import split

try:
    with open(hal.ROOT + "/fuzz.bin", "rb") as f:
        fuzz = f.read()
except OSError:
    fuzz = None


class Stream:
    def __init__(self, data, size):
        self.data, self.size = data, size

    async def read(self, n):
        n = min(n, self.size)
        d, self.data = self.data[:n], self.data[n:]
        return d


async def ask(data, size=512):
    a = Answers(Stream(data, size))
    st, h = await a.head(1000)
    parts = []
    await a.body(h, parts.append)
    assert all([0 < len(p) <= 512 for p in parts])
    return st, h, b"".join([bytes(p) for p in parts]), a.buf + a.r.data


async def good():
    body = bytes([i & 255 for i in range(1500)])
    plain = b"HTTP/1.1 200 OK\r\nContent-Type:  text/plain\r\ncontent-length: 1500\r\n\r\n" + body
    chunks = b"HTTP/1.1 206 Partial\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\n%s\r\n5DA;x=y\r\n%s\r\n1\r\n%s\r\n0\r\n\r\n" % (body[:1], body[1:1499], body[1499:])
    hint = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 204 No\r\nContent-Length: 0\r\n\r\n"
    for size in (7, 100, 511, 512):
        st, h, b, rest = await ask(plain + b"next", size)
        assert (st, h["content-type"], b, rest) == (200, "text/plain", body, b"next")
        st, h, b, rest = await ask(chunks, size)
        assert (st, b, rest) == (206, body, b""), (st, len(b), rest)
    for size in (1, 2, 7):
        assert (await ask(hint, size))[0] == 204
        st, h, b, rest = await ask(chunks.replace(body[1:1499], b"x" * 10).replace(b"5DA", b"A"), size)
        assert (st, b, rest) == (206, body[:1] + b"x" * 10 + body[1499:], b"")


async def bad():
    for data in (
        b"", b"\r\n", b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"SSH-2.0-x\r\n", b"<html>" * 1000, b"\n" * 5000,
        b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n12345", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 3 + b"X" * 3000,
        b"HTTP/1.1 200 OK\r\n" + b"".join([b"h%d: x\r\n" % i for i in range(100)]) + b"\r\n", b"\xff\xfe\xfd" * 100 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n1234",
    ):
        try:
            got = await ask(data, 100)
        except (OSError, ValueError):
            continue
        assert False, (data[:60], got)


async def one():  # whatever it is, it ends, and with nothing else than these
    for size in (1, 16, 512):
        try:
            await ask(fuzz, size)
        except (OSError, ValueError):
            pass


for url, want in (
    ("http://roost.local:8080", (False, "roost.local", 8080, "")), ("https://x/y/", (True, "x", 443, "/y")),
    ("x.y:1/a/b", (False, "x.y", 1, "/a/b")), ("http://[::1]:80", (False, "[::1]", 80, "")), ("http://[fe80::1]", (False, "[fe80::1]", 80, "")),
):
    assert split(url) == want, split(url)
if fuzz is None:
    asyncio.run(good())
    asyncio.run(bad())
else:
    asyncio.run(one())
print("passed")
