# A CoAP node of Pyaiot (RFC 7252): tells the gateway every 30 s that it is there, answers what is asked of its
# resources, and posts values that change.
import socket
from rt import hal, log
from rt.hal import sleep_ms, ticks_diff, ticks_ms

PORT = 5683  # the one where gateways look for nodes
BEAT = 30000
CONTENT, CHANGED = 0x45, 0x44
BAD_REQUEST, BAD_OPTION, NOT_FOUND, NOT_ALLOWED, FAULT = 0x80, 0x82, 0x84, 0x85, 0xA0
_mid = 0


def mid():
    global _mid
    _mid = (_mid + 1) & 0xFFFF
    return bytes((_mid >> 8, _mid & 255))


def post(path, payload):
    "One that wants no confirmation; type, token and format as RIOT's nodes have them."
    path = path.encode()
    return b"\x52\x02" + mid() + hal.urandom(2) + bytes((0xB0 | len(path),)) + path + b"\x10\xff" + payload.encode()


class Request:
    "ValueError, IndexError: it is none."

    def __init__(self, m):
        if m[0] >> 6 != 1 or m[0] & 15 > 8:
            raise ValueError
        self.kind = m[0] >> 4 & 3  # 0: to be confirmed, 1: not
        self.code, self.mid = m[1], m[2:4]
        i = 4 + (m[0] & 15)
        self.token = m[4:i]
        self.path = []
        self.block = None
        self.bad = False
        number = 0
        while i < len(m) and m[i] != 255:
            size = [m[i] >> 4, m[i] & 15]
            i += 1
            for k in 0, 1:
                if size[k] == 13:
                    size[k] = 13 + m[i]
                    i += 1
                elif size[k] == 14:
                    size[k] = 269 + (m[i] << 8) + m[i + 1]
                    i += 2
                elif size[k] == 15:
                    raise ValueError
            number += size[0]
            value = m[i : i + size[1]]
            i += size[1]
            if i > len(m):
                raise ValueError
            self.option(number, value)
        self.payload = m[i + 1 :]
        if i == len(m) - 1 or len(m) < 4 + len(self.token):
            raise ValueError

    def option(self, number, value):
        if number == 11:
            self.path.append(bytes(value).decode())
        elif number == 23 and len(value) < 4:
            self.block = 0
            for b in value:
                self.block = self.block << 8 | b
        elif number & 1 and number not in (3, 7, 15, 17):
            self.bad = True


def links(names):
    return ",".join(["</%s>" % n for n in names])


async def serve(node, q):
    "(code, text, format) of the answer to a request."
    path = "/".join(q.path)
    if q.bad:
        return BAD_OPTION, "", 0
    if path == ".well-known/core":
        return (CONTENT, links(node.names()), 40) if q.code == 1 else (NOT_ALLOWED, "", 0)
    if path not in node.names():
        return NOT_FOUND, "", 0
    if q.code == 1:
        v = await node.read(path)
        return CONTENT, v or "", 0
    if q.code not in (2, 3):
        return NOT_ALLOWED, "", 0
    try:
        s = bytes(q.payload).decode()
    except (ValueError, UnicodeError):
        return BAD_REQUEST, "", 0
    try:
        return CHANGED, await node.write(path, s), 0
    except KeyError:
        return NOT_ALLOWED, "", 0
    except Exception as e:
        return BAD_REQUEST, str(e), 0


async def answer(node, m):
    "What goes back for a datagram, None: nothing."
    try:
        q = Request(m)
    except (ValueError, IndexError, UnicodeError):
        return None
    if not 0 < q.code < 32:  # an empty one to be confirmed is a ping; answers to us need no more than that
        return (b"\x70\0" if not q.code else b"\x60\0") + q.mid if q.kind == 0 else None
    if q.kind > 1:
        return None
    try:
        code, body, form = await serve(node, q)
    except Exception as e:
        log.warn("CoAP: %s" % e)
        code, body, form = FAULT, "", 0
    body = body.encode()
    options = b"\xc1\x28" if form else b"\xc0" if code == CONTENT else b""
    if code == CONTENT and (len(body) > 1024 or q.block is not None):
        block = q.block or 6
        size = 16 << min(block & 7, 6)
        at = (block >> 4) * size
        more = 8 if at + size < len(body) else 0
        block = block >> 4 << 4 | more | min(block & 7, 6)
        body = body[at : at + size]
        options += b"\xb3" + bytes((block >> 16, block >> 8 & 255, block & 255))
    head = bytes(((0x60 if q.kind == 0 else 0x50) | len(q.token), code)) + (q.mid if q.kind == 0 else mid())
    return head + q.token + options + (b"\xff" + body if body else b"")


async def session(node, place):
    global _mid
    b = hal.urandom(2)
    _mid = b[0] << 8 | b[1]
    info = socket.getaddrinfo(place.host, place.port, 0, socket.SOCK_DGRAM)[0]
    s = socket.socket(info[0], socket.SOCK_DGRAM)
    try:
        s.setblocking(False)
        at = "0.0.0.0" if info[0] == socket.AF_INET else "::"
        if str(info[-1][0])[:4] == "127.":
            at = "127.0.0.1"  # towards this machine: for this machine only
        s.bind(socket.getaddrinfo(at, PORT)[0][-1])
        await talk(node, s, info[-1])
    finally:
        s.close()


async def talk(node, s, to):
    async def beat():
        s.sendto(post("alive", "reset:" + node.id), to)
        while True:
            s.sendto(post("alive", "alive:" + node.id), to)
            await sleep_ms(BEAT)

    async def tell():
        while True:
            for name, v in (await node.changed()).items():
                s.sendto(post("server", "%s:%s" % (name, v)), to)
                await sleep_ms(20)  # small gateways take one at a time

    async def hear():
        done = []  # what came twice is done once
        while True:
            try:
                m, who = s.recvfrom(1280)
            except OSError:  # nothing there
                await sleep_ms(50)
                continue
            old = [d for d in done if d[0] == (who, m)]
            a = old[0][1] if old else await answer(node, m)
            if not old:
                done = done[-7:] + [((who, m), a)]
            if a:
                s.sendto(a, who)
            await sleep_ms(0)

    from rt.node import first

    await first(beat(), tell(), hear())
