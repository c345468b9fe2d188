# X25519 (RFC 7748): what two agree on whose talk others hear.
P = 2**255 - 19
BASE = b"\t" + bytes(31)


def x25519(k, u):
    k = int.from_bytes(k, "little") & ~7 & ((1 << 255) - 1) | 1 << 254
    x1 = int.from_bytes(u, "little") & ((1 << 255) - 1)
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in range(254, -1, -1):
        b = k >> t & 1
        if swap ^ b:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = b
        a = x2 + z2
        aa = a * a % P
        d = x2 - z2
        bb = d * d % P
        e = aa - bb
        da = (x3 - z3) * a % P
        cb = (x3 + z3) * d % P
        s = da + cb
        x3 = s * s % P
        s = da - cb
        z3 = x1 * (s * s % P) % P
        x2 = aa * bb % P
        z2 = e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")
