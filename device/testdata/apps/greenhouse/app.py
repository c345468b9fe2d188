# An app of the board platform, with a route, telemetry and its configuration.
import asyncio

import platform

DEVICE_TYPE = "esp32"
FIRMWARE = "2.1.0"
META = {"name": "Greenhouse", "place": "north", "sensors": ["temperature", "moisture"]}

state = {"moisture": 40}


async def reading(request):
    return {"moisture": state["moisture"], "telemetry": platform._telemetry}


async def water(request):
    seconds = (request.json or {}).get("seconds", 1)
    state["moisture"] += seconds
    platform.report(moisture=state["moisture"])
    return {"watered": seconds, "by": request.args.get("by")}


async def broken(request):
    return {"never": 1 // 0}


async def plain(request):
    return "short and stout", 418


platform.register_routes(
    [
        ("GET", "/reading", reading),
        ("POST", "/water", water),
        ("GET", "/broken", broken),
        ("GET", "/teapot", plain),
        ("GET", "/status", broken),
        ("GET", "/logs/secret", broken),
    ]
)


async def run():
    config = platform.get_config()
    platform.set_heartbeat_interval(60000)
    platform.log("greenhouse at %s" % config.get("place", "home"))
    platform.report(num_leds=3, np_pin=4, temperature=21.5, device_id="forged")
    while True:
        platform.report(moisture=state["moisture"])
        await asyncio.sleep_ms(50)
