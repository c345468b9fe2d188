# When a board opens its set-up network, and how that is called.
import os
from rt import hal, conf, log
from rt.nets import known
from rt.hal import sleep_ms

QUICK = 10000  # ms; three power-ons that each last less ask for set-up
WINDOW = 60  # s without anybody that end set-up on a board that knows a Wi-Fi
FIRST = 30  # s for the first guest, when nobody asked for set-up


def _ons():
    "Counts power-ons; 10 s after one it is forgotten."
    import asyncio

    name = hal.ROOT + "/_s/ons"
    n = len(hal.read("_s/ons")) + 1
    try:
        with open(name, "w") as f:
            f.write("|" * n)
    except OSError:
        return 0

    async def forget():
        await sleep_ms(QUICK)
        try:
            os.remove(name)
        except OSError:
            pass

    if n > 2:
        os.remove(name)
    else:
        asyncio.create_task(forget())
    return n


def _button():
    "Setting setup_pin: a button to ground; -n: one to 3.3 V."
    n = conf.get("setup_pin")
    if n is None or n == "":
        return False
    try:
        p = hal.machine.Pin(abs(int(n)), hal.machine.Pin.IN)
        high = str(n)[0] == "-"
        if not high:
            p.init(p.IN, p.PULL_UP)
        return p.value() == high
    except (AttributeError, ValueError, TypeError, OSError) as e:
        log.error("There is no button at pin %s" % n, e)
        return False


def reason(start):
    if start:
        try:  # some boards come with an access point that is on, with a password that all know
            hal.network.WLAN(hal.network.AP_IF).active(False)
        except (OSError, AttributeError):
            pass
        on = hal.cause() == "power on"
        if on and _ons() > 2:
            return "three power-ons"
        if _button():
            return "button"
        if conf.get("setup"):  # once
            conf.put("setup", 0)
            return "asked"
        if on and known() and window() and conf.get("setup_at_start", hal.PROFILE == "lean"):
            return "power-on"
    return None if known() else "no network"


def offline():
    "Starts anew for set-up: without the app there is more room, and the port is free."
    conf.put("setup", 1)
    hal.reset("no Wi-Fi for 10 minutes")


def window():
    "s"
    return conf.num("setup_timeout", WINDOW)


def name():
    return "Roost-" + hal.uid()[-4:].upper()


def password():
    "The installer's; else made of the board's key; else drawn once. At least 8 characters, as WPA2 wants."
    p = hal.read("_s/ap").strip()
    if len(p) > 7:
        return p
    key = conf.load("_s/key").get("key")
    if key:
        from rt import seal
        from binascii import unhexlify

        raw = seal.hmac(unhexlify(key), b"roost set-up")
    else:
        raw = hal.urandom(8)
    p = "".join("abcdefghijklmnopqrstuvwxyz234567"[b & 31] for b in raw[:8])
    if not key:
        with open(hal.ROOT + "/_s/ap", "w") as f:
            f.write(p)
    return p
