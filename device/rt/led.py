# The status LED, where config.json or the settings name its pin:
# "led_pin": 2, "led_on": 0 (the level that lights it; 1 without).
import asyncio
from rt import conf, hal

# ms lit, ms dark, and so on; one number: lit or dark for good
PATTERNS = {
    "off": (0,),
    "searching": (500, 500),  # for Wi-Fi
    "setup": (100, 900),
    "update": (100, 100),
    "running": (50, 4950),
    "error": (200, 200, 200, 200, 200, 1400),
    "identify": (150, 150),
}

_pin = _task = None
_asked = False
_on = 1
_state = "off"


def _open():
    global _pin, _on, _asked
    _asked = True
    c = conf.load("config")
    if not isinstance(c, dict):
        c = {}
    n = c.get("led_pin", conf.get("led_pin"))
    _on = 0 if c.get("led_on", conf.get("led_on", 1)) in (0, "0", False) else 1
    try:
        if n is not None:
            _pin = hal.machine.Pin(n, hal.machine.Pin.OUT)
    except Exception:  # no such pin
        _pin = None


def light(on):
    if not _asked:
        _open()
    if _pin is not None:
        try:
            _pin.init(_pin.OUT, value=_on if on else 1 - _on)
        except AttributeError:
            _pin.value(_on if on else 1 - _on)


def show(state):
    # may be called at any time; blinks from when asyncio runs
    global _state, _task
    _state = state if state in PATTERNS else "error"
    light(_state != "off")
    if _pin is None:
        return
    if _task:
        _task.cancel()
    c = _blink(PATTERNS[_state])
    try:
        _task = asyncio.create_task(c)
    except RuntimeError:  # CPython: not yet
        c.close()
        _task = None


def state():
    return _state


async def _blink(pattern):
    while len(pattern) > 1:
        on = True
        for ms in pattern:
            light(on)
            on = not on
            await hal.sleep_ms(ms)
