# A thing without a key gets one: by X25519, so that who only listens does not.
from binascii import hexlify
from rt import conf, hal, log
from rt.http import Http
from rt.keys import hkdf, identify, unhex
from rt.seal import be, hmac, same


async def join(link):
    from rt.x25519 import BASE, x25519

    secret = hal.urandom(32)
    pub = x25519(secret, BASE)
    d = {"mac": hal.uid(), "pub": hexlify(pub).decode()}
    d.update({"platform": hal.PLATFORM, "machine": hal.MACHINE, "python": hal.PYTHON})
    for k in ("name", "kind"):
        if conf.get(k):
            d[k] = str(conf.get(k))[:64]
    a = await link.clear("/d/1/join", d)
    theirs = unhex(a["pub"], 32)
    shared = x25519(secret, theirs)
    if shared == bytes(32):
        raise ValueError("a bad public key")
    key = hkdf(pub + theirs, shared, b"roost join", 32)
    if not same(hmac(key, b"roost join", a["id"].encode()), unhex(a["mac"], 32)):
        raise ValueError("the answer to joining is not whole")
    conf.save("_s/key", {"id": a["id"], "key": hexlify(key).decode()})
    identify(link)
    mark = hexlify(hmac(key, b"roost print")).decode()  # a person may compare it
    log.info("Joined as %s, key %s-%s" % (link.id, mark[:5], mark[5:10]))


async def time(link):  # without TLS, for who cannot check a certificate yet
    for port in (link.http.port, 80):  # Roost's door takes both
        n = hal.urandom(16)
        h = Http("http://" + link.http.host, 512)
        h.port = port
        try:
            a = await link.clear("/d/1/time", {"id": link.id, "nonce": hexlify(n).decode()}, h)
            now = int(a["now"])
            if not same(hmac(link.key, b"roost time", n, be(now, 8)), unhex(a["mac"], 32)):
                raise ValueError("the time is not from Roost")
            return link.clock(now)
        except Exception:  # it is asked for again
            pass
        finally:
            await h.close()
