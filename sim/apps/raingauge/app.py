# A rain gauge: a tipping bucket on pin 15, 0.2 mm of rain for each tip.
import asyncio

import platform

DEVICE_TYPE = "pico"
FIRMWARE = "1.0.0"
META = {"name": "Rain gauge", "mm_per_tip": 0.2}

tips = 0


async def rain(request):
    return {"rain_mm": tips * META["mm_per_tip"]}


platform.register_routes([("GET", "/rain", rain)])


async def run():
    global tips
    from machine import Pin

    bucket = Pin(15, Pin.IN, Pin.PULL_UP)
    was = bucket.value()
    while True:
        now = bucket.value()
        if was and not now:
            tips += 1
            platform.report(rain_mm=tips * META["mm_per_tip"])
        was = now
        await asyncio.sleep_ms(20)
