# Frames of docs/protocols/agent.md: HMAC (RFC 2104), AES in counter mode over single blocks.
from binascii import hexlify
from hashlib import sha256

try:
    from cryptolib import aes
except ImportError:
    from rt.aes import aes


def hmac(key, *parts):
    if len(key) > 64:
        key = sha256(key).digest()
    key = key + bytes(64 - len(key))
    h = sha256(bytes([b ^ 0x36 for b in key]))
    for p in parts:
        h.update(p)
    return sha256(bytes([b ^ 0x5C for b in key]) + h.digest()).digest()


def same(a, b):  # in a time that does not tell where they differ
    d = len(a) ^ len(b)
    for x, y in zip(a, b):
        d |= x ^ y
    return d == 0


def be(n, size):
    return n.to_bytes(size, "big")


def ctr(key, counter4, data, block=0):
    c = aes(key, 1)
    n = len(data)
    out = bytearray(n)
    m = memoryview(data)
    head = counter4 + bytes(8)
    for o in range(0, n, 256):  # numbers of 256 bytes: quick, and small
        k = min(256, n - o)
        ks = c.encrypt(b"".join([head + be(block + i, 4) for i in range(o // 16, (o + k + 15) // 16)]))
        x = int.from_bytes(ks[:k], "little") ^ int.from_bytes(m[o : o + k], "little")
        out[o : o + k] = x.to_bytes(k, "little")
    return out


class Session:
    def __init__(self, key, nonce, nonce2, sid):
        from rt.keys import hkdf

        self.id = sid
        k = hkdf(nonce + nonce2, key, b"roost d1" + sid, 96)
        self.up, self.down, self.mup, self.mdown = k[:16], k[16:32], k[32:64], k[64:]
        self.n = 0

    def seal(self, path, data):  # → the counter, the frame
        self.n += 1
        c = be(self.n, 4)
        x = ctr(self.up, c, data)
        return c, b"".join((self.id, c, x, hmac(self.mup, path.encode(), self.id, c, x)[:16]))

    def open(self, path, c, frame):
        n = len(frame) - 16
        m = memoryview(frame)
        if n < 12 or frame[:8] != self.id or frame[8:12] != c:
            raise ValueError("not the answer")
        if not same(hmac(self.mdown, path.encode(), m[:n])[:16], frame[n:]):
            raise ValueError("wrong tag")
        return ctr(self.down, c, m[12:n])

    def auth(self, path, span):  # for GET of a file → the counter, the header
        self.n += 1
        c = be(self.n, 4)
        t = hmac(self.mup, ("GET %s %s" % (path, span)).encode(), self.id, c)[:16]
        return c, "Roost %s.%d.%s" % (hexlify(self.id).decode(), self.n, hexlify(t).decode())
