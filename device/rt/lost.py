# Roost was there, and is not for long, though the Wi-Fi is: is it the app? One restart tells. Where Roost is there before the
# app starts, it was; where it is not, it was not, and the next one is a day off.
import json
from rt import conf, hal, log, slots

_HOUR = const(3600000)  # ms
_WHY = "no Roost"


def back(link):  # what waited for Roost before the restart
    try:
        for t, kind, text in conf.load("_s/q").get("q") if hal.why == _WHY else ():
            json.loads(text)
            t = int(t)
            link.q.all.append([t, str(kind), text, True, hal.ticks_ms()])  # it may have been sent
            link.q.last = t
    except Exception as e:
        log.error("What waited for Roost is lost", e)
    conf.drop("_s/q")


def _times(ver):  # that it was so with this app
    t = conf.load("_s/lost")
    n, at = t.get("n"), t.get("at")
    if t.get("ver") != ver or type(n) is not int or type(at) is not int or hal.now() - at > 720 * _HOUR:
        return 0
    return min(max(n, 0), 5)


def _said(ver, n):
    return {"ver": ver, "n": n, "at": hal.now()}


def began(link):  # before the app: ms without Roost that are worth a restart
    ver = slots.state("app")["ver"]
    n = _times(ver)
    if n and hal.why == _WHY:
        if link.synced:
            log.crash("app", ver, OSError("Roost could not be reached while app %s ran" % ver))
        else:
            n = 5
            conf.keep("_s/lost", _said(ver, n))
    return min(_HOUR << n, 24 * _HOUR)


def restart(link):  # False: another time
    from rt.apps import platform

    if platform._hold:
        return False
    try:
        q = [[e[0], e[1], e[2] if isinstance(e[2], str) else json.dumps(e[2])] for e in link.q.all if e[0]]
        conf.save("_s/q", {"q": q})
        conf.save("_s/lost", _said(hal.app, _times(hal.app) + 1))
    except Exception:  # what cannot be kept or counted is not done
        return False
    log.warn("No Roost for long, though the Wi-Fi is there: one restart")
    hal.reset(_WHY)
