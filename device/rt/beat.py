# The heartbeat: what the app reported and what its resources read, again and again.
from rt.hal import sleep_ms
from rt.parts import result, wait


def announce(platform, link, app):
    # what the next registration tells of the app
    meta = dict(getattr(app, "META", None) or {})
    for name in ("FIRMWARE", "DEVICE_TYPE"):
        if hasattr(app, name):
            meta.setdefault(name.lower(), getattr(app, name))
    link.info["meta"] = platform.clean(meta)
    link.info["resources"] = [{"name": n, "set": bool(r[1])} for n, r in platform._resources.items()]


async def beat(platform, link, failed):
    # the first one as soon as there is something to say
    while not platform._telemetry and not platform._resources:
        await sleep_ms(500)
    while True:
        now = dict(platform._telemetry)
        for name, (get, _) in list(platform._resources.items()):
            try:
                if get:
                    now[name] = await result(get())
            except (Exception, SystemExit) as e:
                failed(e, False)
        try:
            if now:
                link.put("tele", now)
        except Exception as e:  # too much for one
            failed(e, False)
        await wait(lambda: platform._beat)
