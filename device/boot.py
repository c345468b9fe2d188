# Chooses the runtime. Never updated over the air, and imports nothing of ours: whatever is on the flash, something
# boots. A new runtime has three boots to prove itself; four after power-ons, which may be a plug, count as one.
import json
import os
import sys

MICRO = sys.implementation.name == "micropython"
ROOT = "" if MICRO else os.path.dirname(os.path.abspath(__file__))
SLOTS = ("_a", "_b")


def _text(name):
    try:
        with open(ROOT + name) as f:
            return f.read()
    except (OSError, ValueError):
        return ""


def _drop(name):
    try:
        os.remove(ROOT + name)
    except OSError:
        pass


def _plug():
    if _text("/_s/why"):
        return False
    if not MICRO:
        return os.environ.get("ROOST_CAUSE") == "power on"
    import machine

    return machine.reset_cause() == machine.PWRON_RESET


def _there(path):
    try:
        os.stat(path + "/rt")
        return True
    except OSError:
        return False


def _rom(slot):  # its third of the ROM; None: no runtime lies there
    path = "/_r" + slot[1]
    try:
        if not _there(path):
            import vfs

            rom = memoryview(vfs.rom_ioctl(2, 0))
            size = len(rom) // 12288 * 4096
            at = "fab".index(slot[1]) * size
            vfs.mount(vfs.VfsRom(rom[at : at + size]), path)
            os.stat(path + "/rt")
        return path
    except Exception:
        return None


def _home(slot):  # where its runtime lies; None: there is none
    path = ROOT + "/" + slot
    return path if _there(path) and not _rom("_f") else _rom(slot)


def _back(s):  # _r: that slot is not being filled anew
    prev = s.get("prev")
    if prev not in SLOTS or prev == s["run"] or not ("try" in s or _text("/" + prev + "/_r")):
        prev = ""
    bad = [v for v in s.get("bad") or [] if v != s["ver"]] + [s["ver"]]
    return {"run": prev, "ver": s["pver"] if prev else "", "prev": "", "pver": "", "bad": bad[-4:], "n": s.get("n", 0)}


def _choose():  # the state of the slots
    s = json.loads(_text("/_s/os") or "{}")
    old = s.get("run")
    if old not in SLOTS:
        return {}
    trial = "try" in s
    n = s["try"] if trial else len(_text("/_s/fail"))
    on = s.get("on", 0) + 1
    if trial and not _home(old):
        n = on = 9
    if trial and on < 4 and _plug():
        s["on"] = on
    elif n > 2:
        s = _back(s)
        _drop("/_s/fail")
    elif trial:
        s["try"] = max(n, 0) + 1
        s["on"] = 0
    else:
        return s
    with open(ROOT + "/_s/os.n", "w") as f:
        f.write(json.dumps(s))
    os.rename(ROOT + "/_s/os.n", ROOT + "/_s/os")
    if s["run"] != old:
        _drop("/" + old + "/_r")
    return s


def _watch():  # five minutes, over a runtime that hangs before it does so itself
    global __dog
    if not MICRO:
        import signal

        return signal.alarm(300)
    import machine, time

    if sys.platform not in ("rp2", "esp8266"):
        return machine.WDT(timeout=300000)
    __dog = machine.Timer(-1)  # theirs last seconds; rt.dog takes over
    w = machine.WDT(timeout=8300) if sys.platform == "rp2" else machine.WDT()
    t = time.ticks_ms()
    __dog.init(period=1000, callback=lambda _: time.ticks_diff(time.ticks_ms(), t) < 300000 and w.feed())


def _boot():
    try:
        s = _choose()
    except Exception as e:
        print("boot:", repr(e))
        s = {}
    slot = s.get("run")
    top = slot and _home(slot)
    path = [_home("_f") or ROOT + "/_f"]
    if top:
        path = [top, "/_rf" if top == "/_r" + slot[1] else path[0]]
    if not MICRO:
        sys.dont_write_bytecode = True
        path += [p for p in sys.path if p not in path]
    else:
        path += [".frozen", "/lib", ""]
        if not top or _text("/_s/fail") or not _text("/_s/why").startswith(("update", "restart")):
            import time

            time.sleep(0.5)  # for an installer's Ctrl-C
    sys.path[:] = path
    if top and "try" in s:
        try:
            _watch()
        except Exception:
            pass


_boot()
for _n in list(globals()):  # main.py has the same names, and an app its memory
    if _n[:2] != "__" and _n != "ROOT":
        del globals()[_n]
