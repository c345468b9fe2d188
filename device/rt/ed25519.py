# Ed25519, verifying only (RFC 8032, 5.1.7). It takes about a second on an ESP32, and lets others work meanwhile.
from rt.hal import feed, sleep_ms
from rt.sha512 import Sha512

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493  # the order of the base point
_D = 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3
_I = 0x2b8324804fc1df0b2b4d00993dfbd7a72f431806ad2fe478c4ee1b274a0ea0b0  # a square root of -1
_X = 0x216936d3cd6e53fec0a4e231fdd6dc5c692cc7609525a7b2c9562d608f25d51a
_Y = 0x6666666666666666666666666666666666666666666666666666666666666658


def _add(p, q):  # extended coordinates (5.1.4)
    x1, y1, z1, t1 = p
    x2, y2, z2, t2 = q
    a = (y1 - x1) * (y2 - x2) % _P
    b = (y1 + x1) * (y2 + x2) % _P
    c = 2 * t1 * t2 * _D % _P
    d = 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _double(p):
    x, y, z, _ = p
    a = x * x % _P
    b = y * y % _P
    h = a + b
    e = h - (x + y) * (x + y) % _P
    g = a - b
    f = 2 * z * z % _P + g
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _point(b):  # of 32 bytes (5.1.3); None: they are no point
    y = int.from_bytes(b, "little")
    sign = y >> 255
    y &= (1 << 255) - 1
    if y >= _P:
        return None
    xx = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(xx, (_P + 3) // 8, _P)
    if (x * x - xx) % _P:
        x = x * _I % _P
    if (x * x - xx) % _P or (sign and not x):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


async def verify(public, message, sig):
    if len(public) != 32 or len(sig) != 64:
        return False
    s = int.from_bytes(sig[32:], "little")
    a = _point(public)
    r = _point(sig[:32])
    if s >= _L or a is None or r is None:
        return False
    h = Sha512()
    h.update(sig[:32])
    h.update(public)
    for i in range(0, len(message), 512):
        h.update(message[i : i + 512])
        feed()
        await sleep_ms(1)
    k = int.from_bytes(h.digest(), "little") % _L
    g = (_X, _Y, 1, _X * _Y % _P)
    a = (_P - a[0], a[1], 1, _P - a[3])
    both = _add(g, a)
    q = (0, 1, 1, 0)
    for i in range(252, -1, -1):  # s*G - k*A, both at once, is to be R
        q = _double(q)
        n = s >> i & 1 | (k >> i & 1) << 1
        if n:
            q = _add(q, (None, g, a, both)[n])
        if not i & 15:
            feed()
            await sleep_ms(1)
    return (q[0] - r[0] * q[2]) % _P == 0 and (q[1] - r[1] * q[2]) % _P == 0
