# The Wi-Fi: joins a network of /wifi.json (rt.wifi) and comes back to it as long as the board runs.
import asyncio
from rt import hal, conf, log
from rt.hal import sleep_ms, ticks_ms, ticks_diff

try:
    import network

    sta = network.WLAN(network.STA_IF)
except (ImportError, AttributeError, OSError):
    sta = None  # a computer, or a cable: nothing to do here

heard = told = None  # set at the start: () → number of syncs; is called when a network could not be joined
gone = rounds = 0  # ms without Wi-Fi; times that all networks were tried in vain
ssid = ""  # of the network that was joined last
fresh = True  # is there a network to be tried?
_task = None
_asked = _busy = False  # was set-up asked for; are networks being tried


def ok():
    return sta is None or sta.isconnected()


def take(new):
    "Networks from the server."
    from rt import nets

    nets.take(new)
    nets = None
    leave()


async def _run():
    global gone, rounds, fresh, _busy
    n = 0
    while True:
        t = ticks_ms()
        wait = 1000
        if ok() and not fresh:
            n = 0
        else:
            from rt import wifi

            try:
                fresh = False
                _busy = True
                done = await wifi.round()
            except Exception as e:  # this goes on, whatever comes
                log.error("Wi-Fi", e)
                done = False
            if not done:
                n += 1
                rounds += 1
                wait = wifi.pause(n)
            _busy = False
            wifi = None
            if done:
                leave()
        await sleep_ms(wait)
        gone = 0 if ok() else gone + ticks_diff(ticks_ms(), t)


async def up():
    "True as soon as there is an address, False after a round in vain; it goes on by itself."
    global _task
    if sta and not _task:
        _task = asyncio.create_task(_run())
    n = rounds
    while not ok() and rounds == n:
        await sleep_ms(100)
    return ok()


def wants_setup():
    "Why set-up is to be opened, or None. The first call is that of the start."
    global _asked
    offline = gone > 600000 and conf.get("setup_offline")
    if sta is None or _asked and not offline and ok():
        return None
    from rt import nets, want

    start = not _asked
    _asked = True
    why = None
    if offline:
        why = want.offline()
    elif start or not nets.known():
        why = want.reason(start)
    nets = want = None
    hal.forget("want")
    leave()
    return why


def leave():
    "Makes room when no network is looked for."
    from rt import nets

    if ok() and not (_busy or fresh) and nets.kept:
        hal.forget("wifi", "nets")
