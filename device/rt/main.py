# The life of a boot. Whatever else is broken, the line to Roost and updates stand.
import asyncio, gc
from rt import VERSION, conf, hal, log


def part(name):  # a module of ours; None when it is broken
    try:
        return __import__("rt." + name, None, None, (name,))
    except Exception as e:
        log.crash("os", VERSION, e)


def show(state):
    led = part("led") if hal.MICRO else None
    if led:
        led.show(state)


async def keep(name, f, *args):  # for ever
    n = 0
    while True:
        try:
            return await f(*args)
        except Exception as e:
            log.crash("os", VERSION, e)
        n += 1
        if n > 5 and name == "link":
            hal.reset("crash")
        await hal.sleep_ms(5000 << min(n, 7))


async def set_up(net):
    reason = net and net.wants_setup()
    if reason:
        log.info("Set-up: " + reason)
        show("setup")
        setup = part("setup")
        if setup:
            await setup.run(reason)


def plainly():  # Wi-Fi where rt.net is broken
    w = conf.load("wifi.json")
    w = w[0] if isinstance(w, list) and w else w
    if hal.network and w:
        sta = hal.network.WLAN(0)
        sta.active(True)
        sta.connect(w["ssid"], w.get("password") or "")


async def online(net):  # a minute at most: the app can do without
    t = hal.ticks_ms()
    show("searching")
    if not net:
        plainly()
    while net and not await net.up():
        await set_up(net)
        if hal.ticks_diff(hal.ticks_ms(), t) > 60000:
            return False
        await hal.sleep_ms(500)
    return True


async def first_sync(link):  # an update comes before the app
    t = hal.ticks_ms()
    while not link.synced and hal.ticks_diff(hal.ticks_ms(), t) < 30000:
        await hal.sleep_ms(50)
    while link.busy:
        await hal.sleep_ms(100)


def app(link, guard):
    apps = part("apps")
    if not apps:
        return None
    apps = apps.Apps(link)
    path = guard.enter()
    if not path:
        guard.imported = True
        return apps
    guard.imported = bool(apps.load(path)) or log.crashes == guard.crashes
    apps.start()
    return apps


async def services(apps, link):
    port = conf.num("web_port", 0 if hal.PROFILE == "python" else 80)
    if hal.PROFILE != "lean" and port and apps:
        web = part("web")
        if web:
            await web.Web(apps, link).start(port)
    to = conf.get("pyaiot")
    if to and apps and hal.PROFILE != "lean":
        node = part("node")
        if node:
            await node.run(to, apps)


async def life():
    log.info("Roost's runtime %s on %s, %s; start: %s %s" % (VERSION, hal.PLATFORM, hal.PYTHON, hal.cause(), hal.why))
    if hal.MICRO and hasattr(gc, "threshold"):
        gc.threshold(gc.mem_free() // 4 + gc.mem_alloc())
    net = part("net")
    there = True
    for f in (set_up, online):
        try:
            there = await f(net) is not False
        except Exception as e:
            log.crash("os", VERSION, e)
    from rt.link import Link

    link = Link()
    if net:
        net.heard = lambda: link.synced
    from rt import offer
    from rt.guard import Guard

    guard = Guard(link)
    link.on_update(lambda u: offer.take(link, guard, u))
    tasks = [asyncio.create_task(keep("link", link.run))]
    if there:
        await first_sync(link)
    try:
        guard.apps = app(link, guard)
    except Exception as e:
        log.crash("os", VERSION, e)
    link.orders.ready = True
    link.announce()
    tasks.append(asyncio.create_task(keep("services", services, guard.apps, link)))
    show("running")
    spare()
    hal.start_watchdog()
    await guard.watch(lambda: set_up(net))


def spare():  # what is needed now and then comes back when it is
    import rt, sys

    for m in ("want", "release", "files", "slots", "join", "x25519"):
        if hal.PROFILE == "lean" and sys.modules.pop("rt." + m, None) and hasattr(rt, m):
            delattr(rt, m)
    gc.collect()


def main():
    asyncio.run(life())
