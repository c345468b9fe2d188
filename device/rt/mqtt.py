# An MQTT node of Pyaiot: MQTT 3.1.1. What it publishes goes at QoS 0, because all is told anew after a lost
# connection; what it gets may come at QoS 1.
import asyncio, json
from rt.hal import sleep_ms, ticks_diff, ticks_ms
from rt.node import first, shut

ALIVE = 60  # s; half of it between signs of life
MOST = 8192  # bytes of a packet that it takes


def packed(s):
    b = s if isinstance(s, bytes) else s.encode()
    return bytes((len(b) >> 8, len(b) & 255)) + b


class Client:
    def __init__(self, r, w):
        self.r, self.w = r, w
        self.lock = asyncio.Lock()
        self.last = ticks_ms()  # when something came

    async def send(self, kind, body=b""):
        n = len(body)
        head = bytes((kind,))
        while True:
            head += bytes((n & 127 | (128 if n > 127 else 0),))
            n >>= 7
            if not n:
                break
        async with self.lock:
            self.w.write(head + body)
            await self.w.drain()

    async def packet(self):
        "(first byte, body) of the next one."
        kind = (await self.r.readexactly(1))[0]
        size = shift = 0
        while True:
            b = (await self.r.readexactly(1))[0]
            size |= (b & 127) << shift
            shift += 7
            if b < 128:
                break
            if shift > 21:
                raise ValueError("length")
        if size > MOST:
            raise ValueError("a packet of %d bytes" % size)
        body = await self.r.readexactly(size) if size else b""
        self.last = ticks_ms()
        return kind, body

    async def connect(self, id, user, password):
        flags = 2 | (0x80 if user else 0) | (0x40 if password else 0)
        body = packed("MQTT") + bytes((4, flags, 0, ALIVE)) + packed(id)
        for s in user, password:
            if s:
                body += packed(s)
        await self.send(0x10, body)
        kind, body = await self.packet()
        if kind != 0x20 or len(body) != 2 or body[1]:
            raise ValueError("refused: %s" % (body[1] if len(body) == 2 else kind))

    async def subscribe(self, *topics):
        await self.send(0x82, b"\0\1" + b"".join([packed(t) + b"\1" for t in topics]))

    async def publish(self, topic, payload):
        await self.send(0x30, packed(topic) + payload.encode())

    async def message(self, kind, body):
        "(topic, text) of a PUBLISH, acknowledged."
        n = body[0] << 8 | body[1]
        topic, body = body[2 : 2 + n], body[2 + n :]
        if len(topic) < n or kind & 6 == 6 or kind & 2 and len(body) < 2:
            raise ValueError("not a message")
        if kind & 2:
            await self.send(0x40, body[:2])
            body = body[2:]
        return topic.decode(), body.decode()


class Manner:
    "Pyaiot's topics."

    def __init__(self, client, node):
        self.client, self.node = client, node
        self.ours = "gateway/%s/" % node.id

    def check(self):
        return self.client.publish("node/check", json.dumps({"id": self.node.id}))

    def list(self):
        return self.client.publish("node/%s/resources" % self.node.id, json.dumps(self.node.names()))

    async def tell(self, values):
        for name, v in values.items():
            await self.client.publish("node/%s/%s" % (self.node.id, name), json.dumps({"value": v}))

    async def heard(self, topic, text):
        if topic == "gateway/check":
            await self.check()
        elif topic == self.ours + "discover":
            if text == "resources":
                await self.list()
            elif text == "values":
                await self.tell(await self.node.values())
        elif topic.startswith(self.ours) and topic.endswith("/set"):
            name = topic[len(self.ours) : -4]
            try:
                await self.tell({name: await self.node.write(name, text)})
            except Exception as e:
                from rt import log

                log.warn("set %s: %s" % (name, e))

    async def hear(self):
        while True:
            kind, body = await self.client.packet()
            if kind >> 4 == 3:
                try:
                    topic, text = await self.client.message(kind, body)
                except UnicodeError:
                    continue
                await self.heard(topic, text)

    async def beat(self):
        while True:
            await self.check()
            await sleep_ms(ALIVE * 500)
            await self.client.send(0xC0)
            if ticks_diff(ticks_ms(), self.client.last) > ALIVE * 1500:
                raise OSError("silent")

    async def changes(self):
        names = None
        while True:
            new = await self.node.changed()
            if self.node.names() != names:
                names = self.node.names()
                await self.list()
            await self.tell(new)


async def session(node, place):
    r, w = await asyncio.wait_for(asyncio.open_connection(place.host, place.port), 20)
    try:
        c = Client(r, w)
        await asyncio.wait_for(c.connect(node.id, place.user, place.password), 20)
        m = Manner(c, node)
        await c.subscribe("gateway/check", m.ours + "discover", m.ours + "+/set")
        await first(m.hear(), m.beat(), m.changes())
    finally:
        await shut(w)
