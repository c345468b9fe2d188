# The watchdog: when nobody has fed it for a minute, all starts anew.
from rt import conf, hal


def start():
    ms = conf.num("watchdog", 60, 5) * 1000
    late = lambda: hal.ticks_diff(hal.ticks_ms(), hal.fed) > ms
    if not hal.MICRO:
        return hal.pc.watch(late, ms // 1000 + 10)
    m = hal.machine
    if not hasattr(m, "WDT"):
        return None
    if hal.PLATFORM not in ("rp2", "esp8266"):
        return m.WDT(timeout=ms)
    # These bite after some seconds, and to look up a name can take longer: a timer feeds them until it is late.
    w = m.WDT(timeout=8300) if hal.PLATFORM == "rp2" else m.WDT()
    t = getattr(__import__("__main__"), "__dog", None)  # boot.py's
    if t:
        t.deinit()
    t = m.Timer(-1)
    t.init(period=1000, callback=lambda _: late() or w.feed())
    return t
