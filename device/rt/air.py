# The Wi-Fi as set-up sees it: what is in the air, and joining it.
import asyncio
from rt import hal, conf, net, nets, wifi
from rt.hal import sleep_ms, ticks_ms, ticks_diff

over = False  # set-up ends
state = {"state": "idle", "ssid": "", "text": ""}  # idle, trying, joined, failed
_found = []
_when = None


def text(b):
    try:
        return bytes(b).decode()
    except (UnicodeError, ValueError):
        return "".join(chr(c) for c in b)


def scan(fresh=False):
    "[(ssid, bssid, channel, rssi, security, hidden)], at most 20 s old."
    global _found, _when
    if fresh or _when is None or ticks_diff(ticks_ms(), _when) > 20000:
        try:
            net.sta.active(True)
            _found = net.sta.scan()
        except OSError:
            _found = []
        _when = ticks_ms()
    return _found


def networks():
    "The strongest of each name."
    best = {}
    for n in sorted(scan(), key=lambda n: n[3]):
        if n[0]:
            best[text(n[0])] = {"ssid": text(n[0]), "rssi": n[3], "open": n[4] == 0}
    return sorted(best.values(), key=lambda n: -n["rssi"])[:20]


def ending(ms=500):
    "Ends set-up once the answer is out."

    async def end():
        global over
        await sleep_ms(ms)
        over = True

    asyncio.create_task(end())


async def join(w):
    "Tries a network; it is kept if it works."
    if state["state"] == "trying":
        return False
    state.update({"state": "trying", "ssid": w["ssid"], "text": ""})
    good = await wifi.attempt(w, 25000)
    if good:
        nets.first(w)
    state["state"] = "joined" if good else "failed"
    return good


def fault(w, server):
    if not 0 < len(w["ssid"].encode()) < 33:
        return "Choose a network."
    if w["password"] and not 8 <= len(w["password"].encode()) <= 64:
        return "A Wi-Fi password has 8 to 63 characters."
    if server and server.split("://")[0] not in ("http", "https") or " " in server:
        return "The address of Roost begins with http:// or https://."


def wish(f):
    "A network and a server that somebody wants: tries them, and ends set-up if they work."
    w = {"ssid": str(f.get("ssid") or ""), "password": str(f.get("password") or "")}
    server = str(f.get("server") or "").strip().rstrip("/")
    if server and "://" not in server:
        server = "http://" + server
    if state["state"] in ("trying", "joined"):
        return
    bad = fault(w, server)
    if bad:
        state.update({"state": "failed", "ssid": w["ssid"], "text": bad})
        return
    if server:
        conf.put("server", server)

    async def go():
        if await join(w):
            ending(10000)  # the page asks every 3 s

    asyncio.create_task(go())
    state["state"] = "idle"


def told():
    about = {"name": hal.uid(), "server": conf.get("server") or "", "ip": net.sta.ifconfig()[0] if net.ok() else ""}
    about.update(state)
    return about
