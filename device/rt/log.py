# What is told: to the console, to two files of 4 KB, to Roost.
import io, os, sys
from rt import conf, hal

_SIZE = const(4096)
_ring = []  # [ticks, level, text, detail] until Roost takes them
lost = 0
crashes = 0  # since the start
on = None  # the link: called when there is something
_n = -1  # size of the newer file


def trace(e):
    try:
        if hasattr(sys, "print_exception"):
            s = io.StringIO()
            sys.print_exception(e, s)
            return s.getvalue()
        return hal.pc.trace(e)
    except Exception:  # an app's own, that cannot be told
        return type(e).__name__


def _file(line):
    global _n
    name = hal.ROOT + "/main_log_"
    try:
        if _n < 0:
            try:
                _n = os.stat(name + "0.txt")[6]
            except OSError:
                _n = 0
        if _n + len(line) > _SIZE:
            try:
                os.rename(name + "0.txt", name + "1.txt")
            except OSError:
                pass
            _n = 0
        with open(name + "0.txt", "a") as f:
            f.write(line)
        _n += len(line.encode())
    except Exception:  # full, or no text
        pass


def _put(level, text, detail=""):
    global lost
    text = str(text)[:300]
    t = hal.now() // 1000
    line = "%s %s %s\n" % (t or "+%d" % (hal.ticks_ms() // 1000), level, text)
    print(line, end="")
    if detail:
        detail = detail[-1500:]
        print(detail, end="" if detail[-1] == "\n" else "\n")
    _file(line + detail)
    if len(_ring) >= 32:
        _ring.pop(0)
        lost += 1
    _ring.append([hal.ticks_ms(), level, text, detail])
    if on:
        on()


def info(text):
    _put("info", text)


def warn(text):
    _put("warn", text)


def error(text, exc=None):
    _put("error", text, trace(exc) if exc else "")


def crash(part, ver, exc):
    # Kept until it was told, over resets, too.
    global crashes
    crashes += 1
    text = trace(exc)
    if len(text) > 2000:
        text = text[:500] + "\n…\n" + text[-1400:]
    try:
        conf.save("_s/crash", {"part": part, "ver": ver, "text": text, "at": hal.now()})
    except OSError:
        pass
    _put("error", "%s %s failed: %s" % (part, ver, text.strip().split("\n")[-1]), text)


def waiting():
    return len(_ring)


def take():  # what was not taken yet
    global _ring
    r = _ring
    _ring = []
    return r
