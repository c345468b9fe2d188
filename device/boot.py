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


def _back(s):  # _r: that slot is not being filled anew
    prev = s.get("prev")
    if prev not in SLOTS or prev == s["run"] or not ("try" in s or _text("/" + prev + "/_r")):
        prev = ""
    bad = [v for v in s.get("bad") or [] if v != s["ver"]] + [s["ver"]]
    return {"run": prev, "ver": s["pver"] if prev else "", "prev": "", "pver": "", "bad": bad[-4:], "n": s.get("n", 0)}


def _choose():
    text = _text("/_s/os")
    if not text:
        return "_f"
    s = json.loads(text)
    old = s["run"]
    if old not in SLOTS:
        return "_f"
    trial = "try" in s
    n = s["try"] if trial else len(_text("/_s/fail"))
    on = s.get("on", 0) + 1
    if trial and on < 4 and _plug():
        s["on"] = on
    elif n > 2:
        s = _back(s)
        _drop("/_s/fail")
    elif trial:
        s["try"] = max(n, 0) + 1
        s["on"] = 0
    else:
        return old
    with open(ROOT + "/_s/os.n", "w") as f:
        f.write(json.dumps(s))
    os.rename(ROOT + "/_s/os.n", ROOT + "/_s/os")
    if s["run"] != old:
        _drop("/" + old + "/_r")
    if "try" in s:
        _watch()
    return s["run"] or "_f"


def _watch():  # over a runtime that hangs before it does so itself
    try:
        import machine

        if sys.platform not in ("rp2", "esp8266"):
            machine.WDT(timeout=300000)
    except Exception:
        pass


def _there(name):
    try:
        os.stat(name)
        return True
    except OSError:
        return False


def _rom(slot):  # the folder of its third of the ROM; None: no runtime lies there
    try:
        import vfs

        rom = memoryview(vfs.rom_ioctl(2, 0))
        size = len(rom) // 12288 * 4096
        at = "fab".index(slot[1]) * size
        path = "/_r" + slot[1]
        vfs.mount(vfs.VfsRom(rom[at : at + size]), path)
        os.stat(path + "/rt")
        return path
    except Exception:
        return None


def _boot():
    try:
        slot = _choose()
    except Exception as e:
        print("boot:", repr(e))
        slot = "_f"
    home = MICRO and _rom("_f")
    path = [home or ROOT + "/_f"]
    top = slot != "_f" and ROOT + "/" + slot
    if top and MICRO and (home or not _there(top + "/rt")):  # an installer may have been cut off in the factory's third
        rom = _rom(slot)
        if rom:
            path = ["/_rf"]
        if rom or home:
            top = rom
    if top:
        path.insert(0, top)
    if not MICRO:
        sys.dont_write_bytecode = True
        sys.path[:] = path + [p for p in sys.path if p not in path]
        return
    sys.path[:] = path + [".frozen", "/lib", ""]
    if not top or _text("/_s/fail") or not _text("/_s/why").startswith(("update", "restart")):
        import time

        time.sleep(0.5)  # for an installer's Ctrl-C


_boot()
for _n in list(globals()):  # main.py has the same names, and an app its memory
    if _n[:2] != "__" and _n != "ROOT":
        del globals()[_n]
