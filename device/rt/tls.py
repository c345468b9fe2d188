# Whom to trust over TLS: who is signed by /_s/ca.der, else on a computer whom that trusts.
from rt import conf, hal

_context = None


def context():
    global _context
    if _context is None:
        _context = _make()
    return _context


def _make():
    free = conf.get("tls_unverified")
    if hal.PROFILE == "lean" and not free:
        raise OSError("this board cannot check who is at an https address: use http, which is sealed, too")
    import ssl

    try:
        with open(hal.ROOT + "/_s/ca.der", "rb") as f:
            ca = f.read()
    except OSError:
        ca = None
    if not hal.MICRO:
        c = ssl.create_default_context(cadata=ca)
        if free and not ca:
            c.check_hostname = False
            c.verify_mode = ssl.CERT_NONE
        return c
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if free:
        c.verify_mode = ssl.CERT_NONE
    elif not ca:
        raise OSError("https needs the certificate of its signer in /_s/ca.der; http is sealed, too")
    else:
        c.verify_mode = ssl.CERT_REQUIRED
        c.load_verify_locations(cadata=ca)
    return c
