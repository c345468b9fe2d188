# A board on a window sill: a thermometer on an analogue input, an LED, a strip of five
# NeoPixels. Both lights can be set from the page.
import asyncio
import machine
import neopixel
import platform

DEVICE_TYPE = "esp32"
FIRMWARE = "1.0.0"
META = {"place": "window sill"}

EVERY = platform.setting("every", 5)  # seconds between values

_sensor = machine.ADC(0)
_led = machine.Pin(2, machine.Pin.OUT)
_strip = neopixel.NeoPixel(machine.Pin(4), 5)
_colour = "#000000"


def temperature():
    # the middle of eight reads, 10 mV a degree
    reads = sorted(_sensor.read_u16() for _ in range(8))
    return round((reads[3] + reads[4]) / 2 / 65535 * 30 + 5, 1)


def set_led(value):
    _led.value(1 if value else 0)


def set_colour(text):
    global _colour
    text = str(text).strip().lower()
    if len(text) != 7 or text[0] != "#":
        raise ValueError("a colour is #rrggbb")
    n = int(text[1:], 16)
    _strip.fill((n >> 16, n >> 8 & 255, n & 255))
    _strip.write()
    _colour = text


def on_message(message):
    platform.log("message: %s" % message)
    return {"temperature": temperature(), "led": _led.value(), "rgb": _colour}


platform.resource("led", lambda: _led.value(), set_led)
platform.resource("rgb", lambda: _colour, set_colour)
platform.on_message(on_message)


async def run():
    platform.set_heartbeat_interval(EVERY * 1000)
    platform.report(num_leds=5, np_pin=4)
    while True:
        platform.report(temperature="%.1f\u00b0C" % temperature())
        await asyncio.sleep_ms(EVERY * 1000)
