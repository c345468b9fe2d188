# AES of single blocks (FIPS 197) for CPython, whose library has none: what MicroPython's cryptolib.aes(key, 1) does.
# Its tables are looked up by what is secret: fine here, where whoever can measure that runs on the same machine.


def _tables():
    log, exp = [0] * 256, [0] * 256
    x = 1
    for i in range(255):  # powers of 3 in GF(2^8)
        exp[i], log[x] = x, i
        x ^= x << 1 ^ (0x11B if x & 0x80 else 0)
    box = []
    for a in range(256):
        b = exp[(255 - log[a]) % 255] if a else 0
        box.append(b ^ _turn(b, 1) ^ _turn(b, 2) ^ _turn(b, 3) ^ _turn(b, 4) ^ 0x63)
    mix = []
    for s in box:
        s2 = s << 1 ^ (0x11B if s & 0x80 else 0)
        mix.append(s2 << 24 | s << 16 | s << 8 | s ^ s2)
    right = [[m >> 8 * r | (m << 32 - 8 * r) & 0xFFFFFFFF for m in mix] for r in range(4)]
    return box, right


def _turn(b, n):
    return (b << n | b >> 8 - n) & 255


_S, (_T0, _T1, _T2, _T3) = _tables()


class aes:
    def __init__(self, key, mode):
        if mode != 1 or len(key) not in (16, 32):
            raise ValueError("mode or key")
        n = len(key) // 4
        w = [int.from_bytes(key[4 * i : 4 * i + 4], "big") for i in range(n)]
        r = 1
        for i in range(n, 4 * n + 28):
            t = w[-1]
            if i % n == 0:
                t = self._sub((t << 8 | t >> 24) & 0xFFFFFFFF) ^ r << 24
                r = r << 1 ^ (0x11B if r & 0x80 else 0)
            elif n == 8 and i % n == 4:
                t = self._sub(t)
            w.append(w[-n] ^ t)
        self.w = w

    def _sub(self, t):
        return _S[t >> 24] << 24 | _S[t >> 16 & 255] << 16 | _S[t >> 8 & 255] << 8 | _S[t & 255]

    def encrypt(self, data):
        if len(data) % 16:
            raise ValueError("blksize % 16")
        return b"".join([self._block(data[i : i + 16]) for i in range(0, len(data), 16)])

    def _block(self, d):
        w = self.w
        a, b, c, e = [int.from_bytes(d[4 * i : 4 * i + 4], "big") ^ w[i] for i in range(4)]
        for i in range(4, len(w) - 4, 4):
            a, b, c, e = (
                _T0[a >> 24] ^ _T1[b >> 16 & 255] ^ _T2[c >> 8 & 255] ^ _T3[e & 255] ^ w[i],
                _T0[b >> 24] ^ _T1[c >> 16 & 255] ^ _T2[e >> 8 & 255] ^ _T3[a & 255] ^ w[i + 1],
                _T0[c >> 24] ^ _T1[e >> 16 & 255] ^ _T2[a >> 8 & 255] ^ _T3[b & 255] ^ w[i + 2],
                _T0[e >> 24] ^ _T1[a >> 16 & 255] ^ _T2[b >> 8 & 255] ^ _T3[c & 255] ^ w[i + 3],
            )
        out = b""
        for i, (p, q, r, s) in enumerate(((a, b, c, e), (b, c, e, a), (c, e, a, b), (e, a, b, c))):
            x = _S[p >> 24] << 24 | _S[q >> 16 & 255] << 16 | _S[r >> 8 & 255] << 8 | _S[s & 255]
            out += (x ^ w[len(w) - 4 + i]).to_bytes(4, "big")
        return out
