# Who the thing is, and the keys of a session: HKDF (RFC 5869), hello of docs/protocols/agent.md.
from binascii import hexlify, unhexlify
from rt import conf, hal
from rt.seal import Session, be, hmac, same


def hkdf(salt, secret, info, n):
    key = hmac(salt, secret)
    t = out = b""
    i = 1
    while len(out) < n:
        t = hmac(key, t, info, bytes([i]))
        out += t
        i += 1
    return out[:n]


def unhex(s, n):
    b = unhexlify(s)
    if len(b) != n:
        raise ValueError("length")
    return b


def identify(link):
    k = conf.load("_s/key")
    try:
        link.id, link.key = k["id"], unhex(k["key"], 32)
    except (KeyError, ValueError, TypeError):
        link.id = link.key = None


async def hello(link):
    n = hal.urandom(16)
    d = await link.clear("/d/1/hello", {"id": link.id, "nonce": hexlify(n).decode()})
    sid, n2, now = unhex(d["session"], 8), unhex(d["nonce"], 16), int(d["now"])
    if not same(hmac(link.key, b"roost hello", n, n2, sid, be(now, 8)), unhex(d["mac"], 32)):
        raise ValueError("who answers to hello is not the Roost of this key")
    link.s = Session(link.key, n, n2, sid)
    link.clock(now)
