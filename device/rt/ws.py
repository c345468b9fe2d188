# A WebSocket node of Pyaiot (RFC 6455, the client's side), without TLS.
import asyncio, json
from binascii import b2a_base64
from rt import hal
from rt.hal import sleep_ms, ticks_diff, ticks_ms
from rt.node import first, shut

PING = 30000
MOST = 16384  # bytes of a message that it takes


def masked(data, mask):
    return bytes([b ^ mask[i & 3] for i, b in enumerate(data)])


class Socket:
    def __init__(self, r, w):
        self.r, self.w = r, w
        self.lock = asyncio.Lock()
        self.last = ticks_ms()  # when something came

    async def open(self, place, id):
        path = place.path if len(place.path) > 1 else "/node"
        path += ("&" if "?" in path else "?") + "id=" + id
        key = b2a_base64(hal.urandom(16)).decode().strip()
        head = "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" % (path, place.host, place.port)
        self.w.write((head + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n" % key).encode())
        await self.w.drain()
        status = await self.r.readline()
        size = len(status)
        while True:
            line = await self.r.readline()
            size += len(line)
            if line in (b"\r\n", b"\n"):
                break
            if not line or size > 4096:
                raise ValueError("no WebSocket")
        if status.split(b" ")[1:2] != [b"101"]:
            raise ValueError("refused: %s" % status)

    async def send(self, op, data):
        n = len(data)
        head = bytes((0x80 | op, 0x80 | (n if n < 126 else 126 if n < 65536 else 127)))
        if n > 125:
            head += n.to_bytes(2 if n < 65536 else 8, "big")
        mask = hal.urandom(4)
        async with self.lock:
            self.w.write(head + mask + masked(data, mask))
            await self.w.drain()

    async def frame(self):
        a, b = await self.r.readexactly(2)
        n = b & 127
        if n > 125:
            n = int.from_bytes(await self.r.readexactly(2 if n == 126 else 8), "big")
        if n > MOST or b & 128 or a & 0x70:  # a server masks nothing, and no extension was asked for
            raise ValueError("a frame of %d bytes" % n)
        data = await self.r.readexactly(n) if n else b""
        self.last = ticks_ms()
        return a & 128, a & 15, data

    async def message(self):
        "The next text; pings are answered on the way. EOFError: the other end closes."
        text = b""
        while True:
            last, op, data = await self.frame()
            if op == 8:
                await self.send(8, data[:2])
                raise EOFError
            if op == 9:
                await self.send(10, data)
            elif op < 3:
                text += data
                if len(text) > MOST:
                    raise ValueError("a message over %d bytes" % MOST)
                if last:
                    return text.decode()


async def session(node, place):
    r, w = await asyncio.wait_for(asyncio.open_connection(place.host, place.port), 20)
    try:
        s = Socket(r, w)
        await asyncio.wait_for(s.open(place, node.id), 20)
        await talk(node, s)
    finally:
        await shut(w)


async def talk(node, s):
    def tell(values):
        return s.send(1, json.dumps({"type": "update", "data": values}).encode())

    async def heard(q):
        if q.get("request") == "discover":
            await tell(await node.values())
        elif "endpoint" in q:
            v, name = q.get("payload"), str(q["endpoint"])
            try:
                await tell({name: await node.write(name, v if isinstance(v, str) else json.dumps(v))})
            except Exception as e:
                from rt import log

                log.warn("set %s: %s" % (name, e))

    async def hear():
        while True:
            text = await s.message()
            try:
                q = json.loads(text)
            except ValueError:
                continue
            if isinstance(q, dict):
                await heard(q)

    async def changes():
        while True:
            await tell(await node.changed())

    async def ping():
        while True:
            await sleep_ms(PING)
            await s.send(9, b"")
            if ticks_diff(ticks_ms(), s.last) > 3 * PING:
                raise OSError("silent")

    await first(hear(), changes(), ping())
