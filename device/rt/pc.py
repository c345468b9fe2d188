# What rt.hal needs where there is no board but CPython.
import asyncio, os, sys, threading, time

# this file is ROOT/_f/rt/pc.py, or in a slot
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WRAP = 1 << 30
_start = time.monotonic()
ip = ""  # this end of the last connection; rt.http knows


def machine():
    u = os.uname()
    return "%s %s" % (u.sysname, u.machine)


def sleep_ms(ms):
    return asyncio.sleep(ms / 1000)


def ticks_ms():
    return int((time.monotonic() - _start) * 1000) % WRAP


def ticks_diff(a, b):
    return (a - b + WRAP // 2) % WRAP - WRAP // 2


def uid():  # many things may live on one machine, so not its MAC
    name = ROOT + "/_s/uid"
    try:
        with open(name) as f:
            return f.read(12)
    except OSError:
        os.makedirs(ROOT + "/_s", exist_ok=True)
        text = "02" + os.urandom(5).hex()
        with open(name, "w") as f:
            f.write(text)
        return text


def mem():
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 0


def cause():
    return os.environ.get("ROOST_CAUSE") or "power on"


def exit():
    sys.stdout.flush()
    os._exit(75)  # run.sh starts it again
