# Published test vectors of what rt.seal and rt.x25519 do.
from binascii import hexlify, unhexlify as u
from rt import keys, seal
from rt.x25519 import BASE, x25519

h = lambda b: hexlify(b).decode()

# RFC 4231, cases 1 to 7 (5: truncated to 128 bits)
for key, data, want in (
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (bytes(range(1, 26)), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    (b"\x0c" * 20, b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
    (b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First", "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    (b"\xaa" * 131, b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.", "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
):
    assert h(seal.hmac(key, data)).startswith(want), want
    assert seal.hmac(key, data[:5], data[5:]) == seal.hmac(key, data)

# RFC 5869, appendix A, cases 1 to 3 (SHA-256)
for secret, salt, info, n, want in (
    (b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA)), 42, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
    (bytes(range(0x50)), bytes(range(0x60, 0xB0)), bytes(range(0xB0, 0x100)), 82, "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"),
    (b"\x0b" * 22, b"", b"", 42, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"),
):
    assert h(keys.hkdf(salt, secret, info, n)) == want, want

# SP 800-38A, F.5.1: CTR-AES128, of which the counter block here is split into counter4 and the rest
key = u("2b7e151628aed2a6abf7158809cf4f3c")
plain = u("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
want = u("874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee")
c = seal.aes(key, 1)
block = int.from_bytes(u("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"), "big")
ks = b"".join([c.encrypt((block + i).to_bytes(16, "big")) for i in range(4)])
assert bytes([a ^ b for a, b in zip(plain, ks)]) == want
# our own counter mode is the same over its own blocks, in any pieces
data = bytes([i * 7 & 255 for i in range(1000)])
whole = bytes(seal.ctr(key, b"\0\0\1\2", data))
for i in (0, 15, 16, 255, 256, 999):
    k = c.encrypt(b"\0\0\1\2" + bytes(8) + (i // 16).to_bytes(4, "big"))
    assert whole[i] == data[i] ^ k[i % 16]
assert bytes(seal.ctr(key, b"\0\0\1\2", data[512:], 32)) == whole[512:]
assert seal.ctr(key, b"\0\0\1\2", b"") == b""
# FIPS 197, C.1 and C.3
assert h(seal.aes(bytes(range(16)), 1).encrypt(u("00112233445566778899aabbccddeeff"))) == "69c4e0d86a7b0430d8cdb78070b4c55a"
assert h(seal.aes(bytes(range(32)), 1).encrypt(u("00112233445566778899aabbccddeeff"))) == "8ea2b7ca516745bfeafc49904b496089"

# RFC 7748, 5.2 and 6.1
for k, p, want in (
    ("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"),
    ("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d", "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493", "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"),
):
    assert h(x25519(u(k), u(p))) == want, want
alice = u("77076d0a7318a57d3c16c17251b26645c6c2f6c8f8b9c1d3b5a0b1d6f1b1e1d1")
bob = u("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
assert x25519(alice, x25519(bob, BASE)) == x25519(bob, x25519(alice, BASE))
assert h(x25519(bob, BASE)) == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
k = u = BASE
k, u = x25519(k, u), k
assert h(k) == "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
print("passed")
