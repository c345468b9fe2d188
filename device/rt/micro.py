# On CPython: what apps know from MicroPython.
import asyncio, time
from rt import hal

WRAP = 1 << 30

for name, f in (
    ("ticks_ms", hal.ticks_ms),
    ("ticks_diff", hal.ticks_diff),
    ("ticks_add", lambda t, ms: (t + ms) % WRAP),
    ("sleep_ms", lambda ms: time.sleep(ms / 1000)),
    ("sleep_us", lambda us: time.sleep(us / 1000000)),
):
    if not hasattr(time, name):
        setattr(time, name, f)

if not hasattr(asyncio, "sleep_ms"):
    asyncio.sleep_ms = hal.sleep_ms
    asyncio.wait_for_ms = lambda a, ms: asyncio.wait_for(a, ms / 1000)
