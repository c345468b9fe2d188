# A boot until all runs: set-up, Wi-Fi, the line, updates, the app, and what stands beside it.
import asyncio, gc
from rt import VERSION, conf, hal, log
from rt.main import Guard, keep, part
from rt.parts import show


async def set_up(net):
    reason = net and net.wants_setup()
    if reason:
        log.info("Set-up: " + reason)
        show("setup")
        if '"try"' in hal.read("_s/os"):  # the watchdog runs since boot.py, and set-up is longer than its patience
            hal.start_watchdog()
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
        hal.feed()
        await hal.sleep_ms(500)
    return True


async def first_sync(link):  # an update comes before the app
    t = hal.ticks_ms()
    while not link.synced and hal.ticks_diff(hal.ticks_ms(), t) < 30000:
        hal.feed()
        await hal.sleep_ms(50)
    while link.busy:
        await hal.sleep_ms(100)


async def services(apps, link):
    port = conf.num("web_port", 0 if hal.PROFILE == "python" else 80)
    web = port and part("web")
    if web:
        await web.Web(apps, link).start(port)
    to = conf.get("pyaiot")
    node = to and part("node")
    if node:
        await node.run(to, apps)


async def run():  # → what guards it from then on
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
    lost = part("lost")
    if lost:
        lost.back(link)
    guard = Guard(link, net)
    why = conf.load("_s/crash").get("text")  # is told, and gone, before the app starts
    link.offer = guard.offered
    if net:
        net.heard = lambda: link.synced
        net.told = link.announce
        link.wifi = net.ok
    from rt import life

    guard.tasks.append(asyncio.create_task(keep(life.run, (link,), True)))
    if there:
        await first_sync(link)
    try:
        from rt import enter

        guard.apps = enter.app(link, guard, why)
    except Exception as e:
        log.crash("os", VERSION, e)
    link.orders.ready = True
    link.announce()
    if hal.PROFILE != "lean" and guard.apps:
        guard.tasks.append(asyncio.create_task(keep(services, (guard.apps, link))))
    show("running")
    gc.collect()
    hal.start_watchdog()
    return guard
