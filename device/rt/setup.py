# Set-up: a network of the board's own, with one page that asks for the Wi-Fi. Ends with a reset.
import asyncio
from rt import air, hal, portal, want, dns
from rt.hal import sleep_ms, ticks_ms, ticks_diff
from rt.nets import known

PORT = 80
LONGEST = 600  # s without a request, with somebody in the network


def point():
    "Opens the network; WPA2 with a password of this board's own."
    import network

    ap = network.WLAN(network.AP_IF)
    about = {"ssid": want.name(), "key": want.password()}
    if hasattr(network, "AUTH_WPA2_PSK"):
        about["security"] = network.AUTH_WPA2_PSK
    for _ in 0, 1:  # some boards take it before the network is on, some after
        try:
            ap.config(**about)
        except OSError:
            pass
        ap.active(True)
    return ap


def guests(ap):
    try:
        return bool(ap.status("stations"))
    except (OSError, ValueError, TypeError):
        return False


async def request(r, w):
    "Answers one request: at most 2 KB of head and 1 KB of body."
    data = b""
    while b"\r\n\r\n" not in data:
        more = await r.read(512)
        data += more
        if not more or len(data) > 2048:
            return
    head, body = data.split(b"\r\n\r\n", 1)
    lines = air.text(head).split("\r\n")
    size = 0
    for h in lines[1:]:
        if h.lower().startswith("content-length:"):
            h = h[15:].strip()
            size = int(h) if h.isdigit() else 0
    if size > 1024:
        return
    while len(body) < size:
        more = await r.read(512)
        if not more:
            return
        body += more
    w.write(await portal.answer(lines[0], body))
    await w.drain()


async def serve(r, w):
    try:
        await asyncio.wait_for(request(r, w), 60)
    except Exception as e:  # what was no request, or somebody who went
        print("Set-up: %s %s" % (e.__class__.__name__, e))
    w.close()
    try:
        await w.wait_closed()
    except OSError:
        pass


def late(ap, reason):
    "Whether nobody needs it any more. Without a known Wi-Fi somebody always does."
    if not known():
        return False
    limit = want.window() or want.WINDOW
    if reason == "power-on" and not portal.guest:
        limit = min(limit, want.FIRST)
    if guests(ap):
        limit = LONGEST
    return ticks_diff(ticks_ms(), portal.asked) > limit * 1000


async def run(reason):
    ap = point()
    portal.host = ap.ifconfig()[0]
    print("Set-up (%s): join the Wi-Fi %s, password %s, and open http://%s/" % (reason, want.name(), want.password(), portal.host))
    portal.asked = ticks_ms()
    server = await asyncio.start_server(serve, "0.0.0.0", PORT)
    names = asyncio.create_task(dns.run(portal.host))
    while not air.over and not late(ap, reason):
        hal.feed()
        await sleep_ms(200)
    names.cancel()
    server.close()
    ap.active(False)
    hal.reset("setup")
