# Starts the runtime that boot.py chose. Never updated over the air: what breaks there must not end here.
import os
import sys

MICRO = sys.implementation.name == "micropython"
ROOT = "" if MICRO else os.path.dirname(os.path.abspath(__file__))


def _note(name, text, mode="w"):
    try:
        with open(ROOT + "/_s/" + name, mode) as f:
            f.write(text)
        return True
    except OSError:
        return False


def _factory():  # once more, without the slot
    for m in [m for m in sys.modules if m == "rt" or m.startswith("rt.")]:
        del sys.modules[m]
    sys.path[:] = [p for p in sys.path if p[-3:] not in ("/_a", "/_b")]
    import rt.main

    rt.main.main()


def _again():
    import time

    time.sleep(5)  # an installer's Ctrl-C comes through
    _note("why", "crash")
    if not MICRO:
        sys.stdout.flush()
        os._exit(75)
    import machine

    machine.reset()


try:
    import rt.main

    rt.main.main()
    raise RuntimeError("it has ended")
except KeyboardInterrupt:
    raise
except BaseException as e:
    import json

    print("main:", repr(e))
    _note("crash", json.dumps({"part": "os", "ver": "?", "text": repr(e), "at": 0}))
    if not _note("fail", "x", "a"):  # boot.py counts these; what cannot be counted is not tried for ever
        try:
            _factory()
        except Exception as e:
            print("main:", repr(e))
    _again()
