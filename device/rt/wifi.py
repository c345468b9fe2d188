# Joins the Wi-Fi. The network that worked last stands first. One that was pushed ("new") is tried before it, and given
# up after 3 tries or 60 s.
from rt import hal, conf, log, net, nets
from rt.hal import sleep_ms, ticks_ms, ticks_diff

TRY = 20000  # ms until an attempt is given up
REACH = 120  # s for a new network to lead to Roost
SOON = 4000  # ms until a refusal is believed: radios take some back


async def attempt(w, ms=None):
    sta = net.sta
    t = ticks_ms()
    try:
        sta.active(True)
        sta.disconnect()
    except OSError:
        pass
    bad = [getattr(hal.network, "STAT_" + n, None) for n in ("WRONG_PASSWORD", "NO_AP_FOUND", "CONNECT_FAIL")]
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
            heard = net.heard
            n = heard and heard()
            for _ in range(REACH if new and heard else 0):
                if heard() != n or not net.ok():
                    break
                await sleep_ms(1000)
            return not new or not heard or heard() != n
    return False


async def round():
    "Tries what is new, then what is known, unless the board is in it."
    stays = net.ok()
    for w in list(nets.known()):
        if stays and not w.get("new"):
            return True
        stays = False
        if await _try(w):
            nets.first(w)
            net.ssid = w["ssid"]
            log.info("Wi-Fi %s, %s" % (w["ssid"], net.sta.ifconfig()[0]))
            return True
        log.warn("Wi-Fi %s cannot be joined" % w["ssid"])
        if w.get("new"):
            conf.put("wifi_failed", w["ssid"])
            nets.keep([o for o in nets.known() if o is not w] + [nets.pair(w)])
            if net.told:
                net.told()
    return stays


def pause(n):
    "ms after n rounds in vain: 2, 4, … 256 s, each between half and one and a half of it."
    return ((1000 << min(n, 8)) * (128 + hal.urandom(1)[0])) >> 8
