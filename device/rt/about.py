# What this runs on, for rt.hal: what few ask for, and seldom.
import os, sys
from rt import hal
from rt.hal import MICRO, ROOT

if not MICRO:
    from rt import pc
MPY = getattr(sys.implementation, "_mpy", 0) & 255
MACHINE = getattr(sys.implementation, "_machine", "") if MICRO else pc.machine()
PYTHON = "%s %d.%d.%d" % ((sys.implementation.name,) + tuple(sys.implementation[1][:3] if MICRO else sys.version_info[:3]))


def uid():
    if not MICRO:
        return pc.uid()
    try:
        b = hal.network.WLAN(0).config("mac")
    except (AttributeError, OSError, ValueError):
        b = hal.machine.unique_id()[-6:]
    return "".join(["%02x" % c for c in b])


def flash_free():
    try:
        s = os.statvfs(ROOT or "/")
        return s[1] * s[4]
    except (AttributeError, OSError):
        return 0


def cause():
    why = hal.why
    if why in ("crash", "watchdog"):
        return why
    if why:
        return "planned"
    if not MICRO:
        return pc.cause()
    c = hal.machine.reset_cause() if hasattr(hal.machine, "reset_cause") else -1
    for name, text in (("PWRON", "power on"), ("WDT", "watchdog"), ("HARD", "crash")):
        if c == getattr(hal.machine, name + "_RESET", -2):
            return "power on" if text == "crash" and hal.PLATFORM == "esp8266" else text  # its button
    return "unknown"
