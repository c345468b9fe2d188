# One register, one sync: what goes up, and what an answer does.
import json
from rt import VERSION, conf, hal, log


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
    crash = log.kept()
    why = hal.why
    owner = hal.read("_s/owner").strip()
    d = {"boot": link.boot, "mac": hal.uid(), "platform": hal.PLATFORM, "machine": hal.MACHINE, "python": hal.PYTHON}
    d.update({"mpy": hal.MPY, "profile": hal.PROFILE, "max": link.http.limit - 64, "slots": slots(), "files": {}})
    d.update({"flash": hal.flash_free(), "mem": hal.mem(), "ip": hal.ip(), "reset": hal.cause(), "why": why[:100]})
    d.update({"meta": {}, "resources": [], "owner": key_id(owner) if owner else "", "crash": crash})
    d["done"] = [why[8:]] if why[:8] == "restart:" else []
    d.update(link.runs)
    d.update(link.info)
    a = await link.sealed(http or link.http, "/d/1/register", json.dumps(d))
    link.known = True
    link.slots = False
    if crash and log.kept() == crash:
        conf.drop("_s/crash")
    if not conf.load("device_id"):
        conf.keep("device_id", {"device_id": link.id})
    if not link.old and conf.load("_s/at").get("url") != link.url:
        conf.keep("_s/at", {"url": link.url})
    settings(link, a.get("settings"))


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


async def sync(link, http, wait):
    # True: ask again at once. Only one call at a time carries entries, so "upto" tells of all before it.
    carries = len(link.q) and not link.carries
    q, again = link.q.head() if carries else ("[]", 0)
    acks = list(link.orders.acks)
    st = dict(link.st)
    upd = link.upd[0] if link.upd else None
    tell = link.slots
    d = {"boot": link.boot, "up": link.up, "mem": hal.mem(), "rssi": hal.rssi(), "ip": hal.ip(), "wait": wait}
    d.update({"set": conf.get("_tag", ""), "ack": acks, "have": link.orders.have(), "st": st})
    d.update(link.runs)
    if again:
        d["again"] = again
    if tell:
        d["slots"] = slots()
    if upd:
        d["upd"] = upd
    if carries:
        link.carries = True
    try:
        a = await link.sealed(http, "/d/1/sync", json.dumps(d)[:-1] + ',"q":' + q + "}", wait)
    finally:
        if carries:
            link.carries = False
    link.synced += 1
    link.ready.set()
    before = len(link.q)
    if carries:
        link.q.drop(int(a.get("upto") or 0))
    link.orders.told(acks)
    for part in st:
        if link.st.get(part) is st[part]:
            del link.st[part]
    if upd and upd in link.upd:
        link.upd.remove(upd)
    if tell:
        link.slots = False
    if link.q.lost:
        n = link.q.lost
        link.q.lost = 0
        log.warn("%d entries were dropped: more than Roost could take meanwhile" % n)
    settings(link, a.get("settings"))
    for c in a.get("cmds") or ():
        link.orders.take(c)
    if a.get("update") and link.offer and not link.busy:
        link.offer(a["update"])
    if q != "[]" and len(link.q) >= before:
        raise OSError("Roost could not keep what was sent")
    if len(link.orders.runs) >= 8:
        await hal.sleep_ms(500)
    return a.get("again")
