# When the line does what.
from rt import hal


def due(link):  # s until something will have to go up, as far as can be known: the only connection must be free then
    late = hal.ticks_diff(hal.ticks_ms(), link.last) - link.gap
    if late < 0:
        return 1 + -late // 1000
    return 2 if link.up < 30000 or late < link.gap else 25


async def idle(link, ms):  # until there is something to tell
    t = hal.ticks_ms()
    while hal.ticks_diff(hal.ticks_ms(), t) < ms and link.s and not link.dirty():
        link.at = hal.ticks_ms()
        await hal.sleep_ms(250)


async def clock(link):  # ticks wrap; this does not
    t = hal.ticks_ms()
    while True:
        await hal.sleep_ms(1000)
        hal.now()
        now = hal.ticks_ms()
        link.up += max(hal.ticks_diff(now, t), 0)
        t = now
