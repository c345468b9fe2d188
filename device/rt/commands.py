# The commands that Roost sends to a thing. What a handler returns is the
# answer; an exception is the answer of a command that failed.
import asyncio, os
from rt import hal, log
from rt.apps import platform
from rt.parts import result

_doing = []  # what shall go on after its answer


class Refused(Exception):
    pass  # the reason is in it


async def message(apps, body):
    if apps.tasks and apps.tasks.management:
        ok, answer = await apps.tasks.ask(body)
        if not ok:
            raise Refused(answer)
        return answer
    if not platform._message:
        raise Refused("The app takes no messages: it has no ManagementTask and did not call platform.on_message.")
    try:
        return await result(platform._message(body))
    except (Exception, SystemExit) as e:
        raise Refused(apps.failed(e, False))


def shell(apps, body):
    from rt import shell

    return shell.run(str(body))


async def put(apps, body):
    name, value = body.get("name"), body.get("value")
    if name not in platform._resources:
        raise Refused("The app has no resource %s." % name)
    get, set = platform._resources[name]
    if not set:
        raise Refused("%s can be read only." % name)
    answer = await result(set(value))
    if get:
        value = await result(get())
    elif answer is not None:
        value = answer
    apps.link.put("tele", {name: value})
    return value


def after(coroutine):
    _doing[:] = [t for t in _doing if not t.done()]
    _doing.append(asyncio.create_task(coroutine))


def identify():
    # five times blue, on the app's NeoPixels if it told of them, else the LED
    n, pin = platform._telemetry.get("num_leds"), platform._telemetry.get("np_pin")
    strip = _strip(pin, n) if n and pin is not None else None
    if strip:
        after(_pixels(strip))
        return "NeoPixels"
    if hal.MICRO:
        after(_led())
        return "LED"
    log.info("It is me: %s" % platform.device_id)
    return "log"


def _strip(pin, n):
    try:
        from neopixel import NeoPixel

        return NeoPixel(hal.machine.Pin(pin), n)
    except (ImportError, AttributeError):
        return None


async def _pixels(strip):
    dark = (0,) * len(strip[0])
    blue = (0, 0, 255, 0)[: len(dark)]
    for _ in range(5):
        for colour in (blue, dark):
            for i in range(len(strip)):
                strip[i] = colour
            strip.write()
            await hal.sleep_ms(200)


async def _led():
    from rt import led

    was = led.state()
    if was == "identify":
        return
    led.show("identify")
    await hal.sleep_ms(3000)
    led.show(was)


def restart(why="restart", forget=()):
    # in a moment, so that the answer gets away
    async def now():
        await hal.sleep_ms(1500)
        for name in forget:
            try:
                os.remove(hal.ROOT + "/" + name)
            except OSError:
                pass
        hal.reset(why)

    after(now())
    return "It restarts."


def factory_reset():
    # what makes the board this one goes; the installer's key stays
    return restart("factory-reset", ("wifi.json", "device_id.json", "config.json", "version.json"))


DO = {
    "message": message,
    "shell": shell,
    "set": put,
    "identify": lambda apps, body: identify(),
    "factory-reset": lambda apps, body: factory_reset(),
}
