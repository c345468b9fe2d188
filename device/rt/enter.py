# What has failed, what is on trial, and the app: from here on it may run.
import os
from rt import conf, hal, log, slots
from rt.main import part

_OURS = ("boot.py", "main.py", "start.py")


def trials(guard, why):  # why: what broke last, by the start of this boot
    for kind in ("os", "app"):
        t = slots.load(kind)
        if t and "try" in t and not (kind == "os" and slots.factory()):
            guard.trial[kind] = t["ver"]
    t = conf.load("_s/trial")
    for kind in list(t):
        if t[kind] in slots.state(kind)["bad"]:
            why = str(why or "").strip().split("\n")[-1] or "It did not start, or hung."
            log.warn("%s %s failed in its trial, the one before runs again. %s" % (kind, t[kind], why))
            guard.link.progress(kind, t.pop(kind), "returned", why=why)
            conf.keep("_s/trial", t)


def enter(guard, why):  # the folder of the app; None: there is none, or it is better left alone
    link = guard.link
    path = slots.enter_app()
    trials(guard, why)
    lost = part("lost")
    if lost:
        guard.patience = lost.began(link)
    guard.crashes = log.crashes
    link.info["files"] = here(path or hal.ROOT)
    if not path:
        return hal.ROOT or "/" if is_app(hal.ROOT) else None
    ver = slots.state("app")["ver"]
    n = conf.load("_s/runs")
    quick = n.get("ver") == ver and type(n.get("n")) is int and hal.cause() in ("crash", "watchdog")
    n = n["n"] if quick else 0
    if n >= 3 and "app" not in guard.trial:
        guard.safe = True
        text = "Safe mode: app %s does not run, as it ended the board or its line %d times soon after its start." % (ver, n)
        log.error(text)
        link.status("worker", False, text)
        return None
    conf.keep("_s/runs", {"ver": ver, "n": n + 1})
    guard.stood = link.synced > 0
    link.era += 1  # what is under way says nothing of a line with the app
    link.proved = False
    if "app" in guard.trial:
        hal.start_watchdog()
    return path


def app(link, guard, why):  # → rt.apps.Apps, None where that is broken
    apps = part("apps")
    if not apps:
        return None
    apps = apps.Apps(link)
    path = enter(guard, why)
    if not path:
        guard.imported = True
        return apps
    hal.app = slots.state("app")["ver"]
    guard.imported = bool(apps.load(path)) or log.crashes == guard.crashes
    apps.start()
    return apps


def here(top):  # first 16 digits of SHA-256, by name
    from rt import release

    out = {}
    try:
        for n in release.walk(top) if top != hal.ROOT else root():
            if n != "_r" and len(out) < 64:
                out[n] = release.sha(top + "/" + n)[:16]
    except OSError as e:
        log.warn("Files of the app: %s" % e)
    return out


def root():  # an app that was put there by hand
    return [n for n in os.listdir(hal.ROOT or "/") if n[-3:] == ".py" and n not in _OURS]


def is_app(top):
    from rt.parts import has

    return has(top, "app") or has(top, "worker_task") or has(top, "management_task")
