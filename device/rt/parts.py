# Small things that apps, tasks and commands share.
import os
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


def show(state):
    # on the status LED
    if MICRO:
        from rt import led

        led.show(state)
