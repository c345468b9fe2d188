# Small things that apps, tasks and commands share.
import os
from rt import conf
from rt.hal import MICRO, sleep_ms, ticks_diff, ticks_ms


def has(path, name):
    for end in (".py", ".mpy"):
        try:
            os.stat(path + "/" + name + end)
            return True
        except OSError:
            pass
    return False


def awaits(r):
    # a call of an async function, not run yet
    return hasattr(r, "send") and hasattr(r, "throw")


async def result(r):
    return await r if awaits(r) else r


async def wait(ms):
    # as long as ms() says, also when it changes meanwhile
    gone, last = 0, ticks_ms()
    left = ms()
    while left > 0:
        await sleep_ms(min(2000, left))
        now = ticks_ms()
        gone += ticks_diff(now, last)
        last = now
        left = ms() - gone


_led = None  # has it a pin?


def show(state):
    # on the status LED
    global _led
    if _led is None:
        c = conf.load("config")
        _led = MICRO and ("led_pin" in c or conf.get("led_pin") is not None)
    if _led:
        try:
            from rt import led

            led.show(state)
        except Exception:  # it is no use for anything else
            pass


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
