# Between the app and what it finds around it.
import asyncio, sys
from rt import hal
from rt.parts import has


def ours():
    # module platform: ours, whatever the app ships or who imported the built-in one
    paths = sys.path[:]
    sys.path[:] = [p for p in paths if p[-3:] not in ("/_p", "/_q")]
    try:
        sys.modules.pop("platform", None)
        return __import__("platform")
    finally:
        sys.path[:] = paths


def ships_main(path):
    # an app in the root has no main.py: that one is the runtime's
    return path != (hal.ROOT or "/") and has(path, "main")


def main():
    # the coroutine that the app's own main.py gives to asyncio.run()
    got = []
    run = asyncio.run
    asyncio.run = lambda c, **more: got.append(c)
    try:
        sys.modules.pop("main", None)
        __import__("main")
    finally:
        asyncio.run = run
    return got[0] if got else None
