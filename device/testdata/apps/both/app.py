import asyncio

import platform

FIRMWARE = "1.0.0"
META = {}

level = 0
tries = 0


def get():
    return level


def set(value):
    global level
    level = int(value)


platform.resource("level", get, set)
platform.resource("seen", lambda: "yes")


async def run():
    global tries
    tries += 1
    if platform.setting("fail"):
        raise ValueError("try %d" % tries)
    platform.send({"run": tries, "place": platform.setting("place", "home")})
    await asyncio.sleep(3600)
