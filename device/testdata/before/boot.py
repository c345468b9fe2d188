# Chooses the runtime. Never updated over the air, and imports nothing of ours: whatever is on the flash, something
# boots. A new runtime has three boots to prove itself.
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
    if n > 2:
        s = _back(s)
        _drop("/_s/fail")
    elif trial:
        s["try"] = max(n, 0) + 1
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


def _boot():
    try:
        slot = _choose()
    except Exception as e:
        print("boot:", repr(e))
        slot = "_f"
    path = [ROOT + "/" + slot]
    if slot != "_f":
        path.append(ROOT + "/_f")
    if not MICRO:
        sys.dont_write_bytecode = True
        sys.path[:] = path + [p for p in sys.path if p not in path]
        return
    sys.path[:] = path + [".frozen", "/lib", ""]
    if slot == "_f" or _text("/_s/fail") or not _text("/_s/why").startswith(("update", "restart")):
        import time

        time.sleep(0.5)  # for an installer's Ctrl-C


_boot()
