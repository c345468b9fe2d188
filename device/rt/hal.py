# The only module that knows what this runs on.
import asyncio, gc, os, sys, time

MICRO = sys.implementation.name == "micropython"
machine = network = None
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
MPY = getattr(sys.implementation, "_mpy", 0) & 255
MACHINE = getattr(sys.implementation, "_machine", "") if MICRO else pc.machine()
PYTHON = "%s %d.%d.%d" % ((sys.implementation.name,) + tuple(sys.implementation[1][:3] if MICRO else sys.version_info[:3]))


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

_time = _at = 0  # ms since 1970 or 0, at these ticks


def now():
    global _time, _at
    if _time:  # carried on at each call: ticks wrap
        t = ticks_ms()
        d = ticks_diff(t, _at)
        if d > 0:
            _time += d
            _at = t
    return _time


def set_time(ms):
    global _time, _at
    _time = ms
    _at = ticks_ms()
    if hasattr(machine, "RTC"):  # certificates are checked by that clock
        s = ms // 1000 - (946684800 if time.gmtime(0)[0] == 2000 else 0)
        t = time.gmtime(s)
        machine.RTC().datetime((t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0))


def urandom(n):
    if hasattr(os, "urandom"):
        return os.urandom(n)
    from random import getrandbits  # a VM

    return bytes([getrandbits(8) for _ in range(n)])


def uid():
    if not MICRO:
        return pc.uid()
    try:
        b = network.WLAN(0).config("mac")
    except (AttributeError, OSError, ValueError):
        b = machine.unique_id()[-6:]
    return "".join(["%02x" % c for c in b])


def mem():
    return gc.mem_free() if MICRO else pc.mem()


def flash_free():
    try:
        s = os.statvfs(ROOT or "/")
        return s[1] * s[4]
    except (AttributeError, OSError):
        return 0


def _wlan(f, none):
    try:
        return f(network.WLAN(0))
    except (AttributeError, OSError, ValueError, TypeError):
        return none


def rssi():
    return _wlan(lambda w: w.status("rssi"), 0) or 0


def ip():
    return _wlan(lambda w: w.ifconfig()[0], "") if MICRO else pc.ip


def _why():  # "": nobody planned it
    w = read("_s/why")
    try:
        os.remove(ROOT + "/_s/why")
    except OSError:
        pass
    return w


why = _why()


def cause():
    if why in ("crash", "watchdog"):
        return why
    if why:
        return "planned"
    if not MICRO:
        return pc.cause()
    c = machine.reset_cause() if hasattr(machine, "reset_cause") else -1
    for name, text in (("PWRON", "power on"), ("WDT", "watchdog"), ("HARD", "crash")):
        if c == getattr(machine, name + "_RESET", -2):
            return "power on" if text == "crash" and PLATFORM == "esp8266" else text  # its button
    return "unknown"


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


def pin(n, out=True):
    if machine and n is not None:
        return machine.Pin(n, machine.Pin.OUT if out else machine.Pin.IN)


def np(n, count):
    try:
        from neopixel import NeoPixel

        return NeoPixel(machine.Pin(n), count)
    except (ImportError, AttributeError):
        pass
