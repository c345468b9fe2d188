# Between the app and what it finds around it; needed at its start only.
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


def load(apps, path):
    # imports the app: True when there is one and it is whole
    from rt import slots

    path = apps.path = path or slots.path("app")
    if not path:
        return False
    try:
        apps.ver = slots.state("app").get("ver") or "0"
        if has(path, "app"):
            apps.app = __import__("app")
        if has(path, "worker_task") or has(path, "management_task"):
            from rt.tasks import Tasks

            apps.tasks = Tasks(apps, path)
        if apps.app:
            apps.main = main(path)
    except KeyboardInterrupt:
        raise
    except BaseException as e:
        apps.failed(e)
        return False
    apps.announce()
    return bool(apps.app or apps.tasks)


def main(path):
    # the coroutine that the app's own main.py gives to asyncio.run(); in the root that one is the runtime's
    if path == (hal.ROOT or "/") or not has(path, "main"):
        return None
    got = []
    run = asyncio.run
    asyncio.run = lambda c, **more: got.append(c)
    try:
        sys.modules.pop("main", None)
        __import__("main")
    finally:
        asyncio.run = run
    return got[0] if got else None
