# The Wi-Fi: joins a network of /wifi.json and comes back to it as long as the board runs. The one that worked last
# stands first. One that was pushed ("new") is tried before it, and given up after 3 tries or 60 s.
import asyncio, sys
from rt import hal, conf, log, nets
from rt.hal import sleep_ms, ticks_ms, ticks_diff

try:
    import network

    sta = network.WLAN(network.STA_IF)
except (ImportError, AttributeError, OSError):
    sta = None  # a computer, or a cable: nothing to do here

TRY = 20000  # ms until an attempt is given up
REACH = 120  # s for a new network to lead to Roost
SOON = 4000  # ms until a refusal is believed: radios take some back
heard = None  # set by main: () → number of syncs
take = nets.take  # networks from the server
gone = rounds = 0  # ms without Wi-Fi; times that all networks were tried in vain
_task = None
_asked = False


def ok():
    return sta is None or sta.isconnected()


async def attempt(w, ms=None):
    t = ticks_ms()
    try:
        sta.active(True)
        sta.disconnect()
    except OSError:
        pass
    bad = [getattr(network, "STAT_" + n, None) for n in ("WRONG_PASSWORD", "NO_AP_FOUND", "CONNECT_FAIL")]
    try:
        sta.connect(w["ssid"], w.get("password") or "")
        while ticks_diff(ticks_ms(), t) < (ms or TRY):
            await sleep_ms(200)
            if sta.isconnected():
                return True
            if ticks_diff(ticks_ms(), t) > SOON and sta.status() in bad:
                break
    except (OSError, ValueError) as e:
        log.warn("Wi-Fi: %s" % e)
        await sleep_ms(1000)
    return False


async def _try(w):
    new = w.get("new")
    t = ticks_ms()
    for _ in range(3 if new else 1):
        if ticks_diff(ticks_ms(), t) < 60000 and await attempt(w):
            n = heard and heard()
            for _ in range(REACH if new and heard else 0):
                if heard() != n or not ok():
                    break
                await sleep_ms(1000)
            return not new or not heard or heard() != n
    return False


async def _round():
    for w in list(nets.known()):
        if await _try(w):
            nets.first(w)
            log.info("Wi-Fi %s, %s" % (w["ssid"], sta.ifconfig()[0]))
            return True
        log.warn("Wi-Fi %s cannot be joined" % w["ssid"])
        if w.get("new"):
            conf.put("wifi_failed", w["ssid"])
            nets.keep([o for o in nets.known() if o is not w] + [nets.pair(w)])


def pause(n):
    "ms after n rounds in vain: 2, 4, … 256 s, each between half and one and a half of it."
    return ((1000 << min(n, 8)) * (128 + hal.urandom(1)[0])) >> 8


async def _run():
    global gone, rounds
    n = 0
    while True:
        t = ticks_ms()
        wait = 1000
        if ok() and not any([w.get("new") for w in nets.known()]):
            n = 0
        else:
            try:
                done = await _round()
            except Exception as e:  # this goes on, whatever comes
                log.error("Wi-Fi", e)
                done = False
            if not done:
                n += 1
                rounds += 1
                wait = pause(n)
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
    if sta is None or _asked and nets.known() and not offline:
        return None
    from rt import want

    start = not _asked
    _asked = True
    why = want.offline() if offline else want.reason(start)
    if not why and hal.MICRO:  # not needed again: room for the app
        import rt

        sys.modules.pop("rt.want", None)
        del rt.want, want
    return why
