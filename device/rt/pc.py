# What rt.hal needs where there is no board but CPython.
import asyncio, builtins, os, sys, time

# this file is ROOT/_f/rt/pc.py, or in a slot
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WRAP = 1 << 30
builtins.const = lambda x: x  # what MicroPython's compiler puts in place of a name
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


def at(w):
    global ip
    ip = w.get_extra_info("sockname")[0]


def cause():
    return os.environ.get("ROOST_CAUSE") or "power on"


def exit():
    sys.stdout.flush()
    os._exit(75)  # run.sh starts it again


def trace(e):
    import traceback

    return "".join(traceback.format_exception(type(e), e, e.__traceback__))


def watch(late, s):  # ends this when it is late
    import signal, threading

    def run():
        while not late():
            if hasattr(signal, "setitimer"):  # ends all where something keeps even this thread from running
                signal.setitimer(signal.ITIMER_REAL, s)
            time.sleep(1)
        from rt import hal

        hal.reset("watchdog")

    t = threading.Thread(target=run, daemon=True)
    t.start()
    return t


def builtin():  # module platform beside os, which ours stands before
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    spec = PathFinder.find_spec("platform", [os.path.dirname(os.__file__)])
    m = module_from_spec(spec)
    spec.loader.exec_module(m)
    return m
