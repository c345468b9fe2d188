# What a thing says of itself after each start, and the settings that it gets.
import json
from rt import VERSION, conf, hal, log, rom


def slots(kind=None):
    try:
        from rt import slots

        if kind:
            return slots.state(kind) or {}
        return {"os": slots.state("os"), "app": slots.state("app")}
    except Exception as e:
        log.error("The slots cannot be read", e)
        return {}


async def register(link, http=None):
    link.runs = {"os": VERSION, "app": slots("app").get("ver") or "0"}
    crash = kept()
    why = hal.why
    owner = hal.read("_s/owner").strip()
    d = {"boot": link.boot, "mac": hal.uid(), "platform": hal.PLATFORM, "machine": hal.MACHINE, "python": hal.PYTHON}
    d.update({"mpy": hal.MPY, "profile": hal.PROFILE, "max": link.http.limit - 64, "slots": slots(), "files": {}})
    d.update({"flash": hal.flash_free(), "mem": hal.mem(), "ip": hal.ip(), "reset": hal.cause(), "why": why[:100]})
    d.update({"meta": {}, "resources": [], "owner": key_id(owner) if owner else "", "crash": crash})
    if rom.size():
        d["rom"] = rom.size()
    try:
        from rt import net

        if net.sta:
            failed = conf.get("wifi_failed")
            d["net"] = {"ssid": net.ssid, "failed": [failed] if failed else []}
    except Exception:  # it is broken, and was told
        pass
    d["done"] = [why[8:]] if why[:8] == "restart:" else []
    d.update(link.runs)
    d.update(link.info)
    d = link.sealed(http or link.http, "/d/1/register", json.dumps(d))
    a = await d
    link.known = True
    link.slots = False
    if crash and kept() == crash:
        conf.drop("_s/crash")
    if not conf.load("device_id"):
        conf.keep("device_id", {"device_id": link.id})
    if not link.old and conf.load("_s/at").get("url") != link.url:
        conf.keep("_s/at", {"url": link.url})
    settings(link, a.get("settings"))


def kept():  # the last crash, as Roost takes it; None: there was none
    c = conf.load("_s/crash")
    if c:
        at = c.get("at")
        d = {k: str(c.get(k, ""))[:2000] for k in ("part", "ver", "text")}
        d["at"] = at if isinstance(at, int) else 0
        return d


def key_id(hexkey):
    from binascii import hexlify, unhexlify
    from hashlib import sha256

    try:
        return hexlify(sha256(unhexlify(hexkey)).digest()).decode()[:16]
    except ValueError:
        return "unreadable"


def settings(link, s):
    if not s or s.get("tag") == conf.get("_tag"):
        return
    v = s.get("v") or {}
    conf.adopt(s.get("tag"), v)
    log.info("New settings")
    try:
        if v.get("wifi"):
            from rt import net

            net.take(v["wifi"])
        if v.get("server"):
            from rt import move

            move.begin(link, v["server"])
    except Exception as e:
        log.error("The settings cannot be followed", e)
