# The app's files as they lie here.
import os
from rt import hal, log

OURS = ("boot.py", "main.py", "start.py")


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
    return [n for n in os.listdir(hal.ROOT or "/") if n[-3:] == ".py" and n not in OURS]


def is_app(top):
    from rt.parts import has

    return has(top, "app") or has(top, "worker_task") or has(top, "management_task")
