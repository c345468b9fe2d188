# The only module that knows what this runs on.
import asyncio, gc, os, sys, time

MICRO = sys.implementation.name == "micropython"
machine = network = None
app = None  # the version of the app that was started
if MICRO:
    PLATFORM = sys.platform
    try:
        import machine, network
    except ImportError:
        pass
else:
    from rt import pc

    PLATFORM = "linux" if sys.platform.startswith("linux") else sys.platform
ROOT = "" if MICRO else pc.ROOT


def read(name):
    try:
        with open(ROOT + "/" + name) as f:
            return f.read()
    except (OSError, ValueError):
        return ""


PROFILE = read("_s/profile").strip() or ("python" if not MICRO else "lean" if PLATFORM == "esp8266" else "full")

sleep_ms = asyncio.sleep_ms if MICRO else pc.sleep_ms
ticks_ms = time.ticks_ms if MICRO else pc.ticks_ms
ticks_diff = time.ticks_diff if MICRO else pc.ticks_diff

_up = _zero = 0  # ms since the start; when that was, since 1970 (0: who knows)
_at = ticks_ms()


def up():
    global _up, _at
    t = ticks_ms()
    d = ticks_diff(t, _at)
    if d > 0:  # carried on at each call: ticks wrap
        _up += d
        _at = t
    return _up


def now():  # ms since 1970, or 0
    return _zero and _zero + up()


def set_time(ms):
    global _zero, _at
    _zero = ms - up()
    _at = ticks_ms()
    if hasattr(machine, "RTC"):  # certificates are checked by that clock
        s = ms // 1000 - (946684800 if time.gmtime(0)[0] == 2000 else 0)
        t = time.gmtime(s)
        machine.RTC().datetime((t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0))


def forget(*names):  # modules that are needed now and then only: they come back when they are
    import rt

    for n in names:
        if MICRO and sys.modules.pop("rt." + n, None) and hasattr(rt, n):
            delattr(rt, n)


def urandom(n):
    if hasattr(os, "urandom"):
        return os.urandom(n)
    from random import getrandbits  # a VM

    return bytes([getrandbits(8) for _ in range(n)])


def mem():
    return gc.mem_free() if MICRO else pc.mem()


def _wlan(f, none):
    try:
        return f(network.WLAN(0))
    except (AttributeError, OSError, ValueError, TypeError):
        return none


def rssi():
    return _wlan(lambda w: w.status("rssi"), 0) or 0


def ip():
    return _wlan(lambda w: w.ifconfig()[0], "") if MICRO else pc.ip


why = read("_s/why")  # it starts; "": nobody planned it
try:
    os.remove(ROOT + "/_s/why")
except OSError:
    pass


def __getattr__(name):  # what is asked for now and then only
    if name[:2] == "__":
        raise AttributeError(name)
    from rt import about

    try:
        return getattr(about, name)
    finally:
        forget("about")


def reset(why):
    try:
        with open(ROOT + "/_s/why", "w") as f:
            f.write(why)
    except Exception:
        pass
    if not MICRO:
        pc.exit()
    machine.reset()


_wdt = None
fed = 0  # ticks when feed was called


def start_watchdog():
    global _wdt
    from rt import dog

    feed()
    _wdt = _wdt or dog.start()


def feed():
    global fed
    fed = ticks_ms()
    if hasattr(_wdt, "feed"):
        _wdt.feed()
