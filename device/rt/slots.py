# Which slots run: the runtime's are /_a and /_b, the app's /_p and /_q; /_s/os and /_s/app say it. boot.py counts the
# trials of a new runtime, enter_app those of a new app: it has three boots to prove itself.
import json
import os
import sys

from rt import hal

DIRS = {"os": ("_a", "_b"), "app": ("_p", "_q")}


def at(name):
    return hal.ROOT + "/" + name


def put(name, text):  # whole or not at all
    try:
        with open(name + ".n", "w") as f:
            f.write(text)
            if hasattr(os, "fsync"):
                f.flush()
                os.fsync(f.fileno())
    except OSError:
        drop(name + ".n")
        raise
    os.rename(name + ".n", name)


def drop(name):
    try:
        os.remove(name)
    except OSError:
        pass


def there(name):
    try:
        os.stat(name)
        return True
    except OSError:
        return False


def blank():
    return {"run": "", "ver": "", "prev": "", "pver": "", "bad": [], "n": 0}


def load(kind):  # the state; None if there is none, or none that can be read
    try:
        with open(at("_s/" + kind)) as f:
            t = json.load(f)
        s = blank()
        s.update(t)
        texts = [s["run"], s["ver"], s["prev"], s["pver"]] + s["bad"]
        numbers = [s["n"], s.get("try", 0), s.get("on", 0)]
        ok = all([type(x) is str for x in texts] + [type(x) is int and 0 <= x < 1 << 52 for x in numbers])
        return s if ok and s["run"] in DIRS[kind] + ("",) else None
    except (OSError, ValueError, TypeError, AttributeError, MemoryError, RuntimeError):
        return None


def save(kind, s):
    put(at("_s/" + kind), json.dumps(s))


def sound(kind):  # the state; without one the newest slot that holds a whole version, if there is one
    s = load(kind)
    if s is None:
        from rt import release

        s = release.newest(kind)
        try:
            if s["run"] or there(at("_s/" + kind)):
                save(kind, s)
        except OSError:  # it holds until the next boot
            return s
        if kind == "os" and s["run"] and factory():
            hal.reset("recover")  # there it starts
    return s


def factory():  # does the runtime of the factory run?
    return not any([p[len(hal.ROOT) :] in ("/_a", "/_b", "/_ra", "/_rb") for p in sys.path])


def path(kind):  # the folder that runs, None: none, or the factory's
    s = load(kind)
    return at(s["run"]) if s and s["run"] else None


def state(kind):  # as Roost is told of it
    s = load(kind) or blank()
    s["from"] = "slot"
    if kind == "os" and factory():
        from rt import VERSION

        s["run"], s["ver"], s["from"] = "", VERSION, "factory"
    elif not s["run"]:
        s["from"] = "factory"
    s["ver"] = s["ver"] or "0"
    return s


def _count(s):  # a boot of a trial; after three the version before it runs again, and this one is not taken again
    on = s.get("on", 0) + 1
    if on < 4 and hal.cause() == "power on":  # that may have been the plug: four of these count as one
        s["on"] = on
        return s
    s["on"] = 0
    if s["try"] < 3:
        s["try"] += 1
        return s
    new = blank()
    if s["prev"] in DIRS["app"] and s["prev"] != s["run"]:
        new["run"], new["ver"] = s["prev"], s["pver"]
    new["bad"] = ([v for v in s["bad"] if v != s["ver"]] + [s["ver"]])[-4:]
    new["n"] = s["n"]
    return new


def enter_app():  # before the app is imported: its folder, which is first in sys.path then, or None
    sound("os")
    s = sound("app")
    run = s["run"]
    if run and "try" in s:
        s = _count(s)
        try:
            save("app", s)
            if s["run"] != run:
                drop(at(run + "/_r"))  # it is never found again as a whole version
            run = s["run"]
        except OSError:  # what cannot be counted is not tried
            run = s["prev"] if s["run"] == run else s["run"]
    sys.path[:] = [p for p in sys.path if p not in [at(d) for d in DIRS["app"]]]
    if run:
        sys.path.insert(0, at(run))
        return at(run)


def confirm(kind):  # True: that was a trial, and it is over
    if kind == "os":
        drop(at("_s/fail"))
    s = load(kind)
    if not s or "try" not in s or (kind == "os" and factory()):
        return False
    del s["try"]
    s.pop("on", None)
    save(kind, s)
    return True
