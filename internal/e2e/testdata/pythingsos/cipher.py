"""PythingsOS' payload encryption, from docs/protocols/pythings.md."""
import secrets

_SBOX = []


def _tables():
    p = q = 1
    box = [0] * 256
    while True:
        p = p ^ ((p << 1) & 0xFF) ^ (0x1B if p & 0x80 else 0)
        q ^= (q << 1) & 0xFF
        q ^= (q << 2) & 0xFF
        q ^= (q << 4) & 0xFF
        if q & 0x80:
            q ^= 0x09
        r = q
        for s in (1, 2, 3, 4):
            r ^= ((q << s) | (q >> (8 - s))) & 0xFF
        box[p] = r ^ 0x63
        if p == 1:
            break
    box[0] = 0x63
    _SBOX.extend(box)


_tables()
_INVERSE = [_SBOX.index(i) for i in range(256)]


def _times(a, b):
    r = 0
    while b:
        if b & 1:
            r ^= a
        a = ((a << 1) ^ (0x11B if a & 0x80 else 0)) & 0xFF
        b >>= 1
    return r


def _keys(key):
    w = [list(key[i:i + 4]) for i in range(0, 16, 4)]
    rcon = 1
    for i in range(4, 44):
        t = list(w[-1])
        if i % 4 == 0:
            t = [_SBOX[b] for b in t[1:] + t[:1]]
            t[0] ^= rcon
            rcon = _times(rcon, 2)
        w.append([a ^ b for a, b in zip(w[i - 4], t)])
    return [sum(w[i:i + 4], []) for i in range(0, 44, 4)]


def _mix(s, m):
    return [_times(s[c + 0], m[(0 - r) % 4]) ^ _times(s[c + 1], m[(1 - r) % 4]) ^ _times(s[c + 2], m[(2 - r) % 4]) ^ _times(s[c + 3], m[(3 - r) % 4])
            for c in (0, 4, 8, 12) for r in range(4)]


def _encrypt(key, block):
    ks = _keys(key)
    s = [a ^ b for a, b in zip(block, ks[0])]
    for n in range(1, 11):
        s = [_SBOX[b] for b in s]
        s = [s[(i + 4 * (i % 4)) % 16] for i in range(16)]
        if n < 10:
            s = _mix(s, (2, 3, 1, 1))
        s = [a ^ b for a, b in zip(s, ks[n])]
    return bytes(s)


def _decrypt(key, block):
    ks = _keys(key)
    s = [a ^ b for a, b in zip(block, ks[10])]
    for n in range(9, -1, -1):
        s = [s[(i - 4 * (i % 4)) % 16] for i in range(16)]
        s = [_INVERSE[b] for b in s]
        s = [a ^ b for a, b in zip(s, ks[n])]
        if n > 0:
            s = _mix(s, (14, 11, 13, 9))
    return bytes(s)


def new_key():
    return secrets.randbits(128)


def seal(key, modulus):
    digits = str(key)
    return [pow(int.from_bytes(digits[i:i + 4].encode(), "big"), 65537, modulus) for i in range(0, len(digits), 4)]


def encrypt(key, text):
    key, out = key.to_bytes(16, "big"), ""
    for i in range(0, len(text), 12):
        piece = text[i:i + 12].ljust(12, "&").encode("ascii")
        c, b, a = (int.from_bytes(piece[j:j + 4], "big") for j in (0, 4, 8))
        e = _encrypt(key, (c + b * 10**11 + a * 10**22).to_bytes(16, "big"))
        out += str(int.from_bytes(e, "big")).ljust(39, "&")
    return out


def decrypt(key, text):
    key, out = key.to_bytes(16, "big"), b""
    text = text.strip()
    for i in range(0, len(text), 39):
        e = int(text[i:i + 39].replace("&", "")).to_bytes(16, "big")
        digits = "%032d" % int.from_bytes(_decrypt(key, e), "big")
        for part in (digits[22:32], digits[11:21], digits[0:10]):
            n = int(part)
            out += n.to_bytes((n.bit_length() + 7) // 8, "big").replace(b"&", b"")
    return out.decode("ascii")
