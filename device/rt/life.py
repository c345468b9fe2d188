# The line's own life: again and again.
import asyncio, gc
from rt import conf, hal, log
from rt.link import Refused
from rt.sync import sync


def gather(link):  # the log's lines join the queue
    for _, level, text, detail in log.take():
        link.q.put("log", [level, text, detail[-link.q.limit // 3 :]] if detail else [level, text])
    link.q.lost += log.lost
    log.lost = 0


async def register(link, http):
    from rt import register

    await register.register(link, http)
    register = None
    hal.forget("register", "slots", "rom", "move")


async def step(link):
    if not link.key:
        from rt import join

        await join.join(link)
    if not link.s:
        from rt import keys

        await keys.hello(link)
        keys = None
        hal.forget("keys")
    if not link.known:
        await register(link, link.http)
    gather(link)
    every = conf.num("sync_interval", 25)
    wait = min(25, max(every, 1))
    if link.dirty() or every > 25:
        wait = 0
    elif link.busy or link.orders.runs and not link.two:
        wait = 1
    elif not link.two:
        wait = min(wait, due(link))
    link.polls = wait > 0
    try:
        again = await sync(link, link.http, wait)
    finally:
        link.polls = False
    if link.old or link.moving:
        from rt import move

        await move.on(link)
    elif every > 25 and not again:
        await idle(link, every * 1000)


def due(link):  # s until something will have to go up, as far as can be known: the only connection must be free then
    late = hal.ticks_diff(hal.ticks_ms(), link.last) - link.gap
    if late < 0:
        return 1 + -late // 1000
    return 2 if hal.up() < 30000 or late < link.gap else 25


async def idle(link, ms):  # until there is something to tell
    t = hal.ticks_ms()
    while hal.ticks_diff(hal.ticks_ms(), t) < ms and link.s and not link.dirty():
        link.at = hal.ticks_ms()
        await hal.sleep_ms(250)


async def run(link):
    side = None
    if hal.PROFILE != "lean":
        from rt import push

        side = asyncio.create_task(push.run(link))
    fails = full = 0
    told = None
    try:
        while True:
            try:
                await step(link)
                if told:
                    log.info("Roost answers again")
                fails = full = link.gone = 0
                told = None
                continue
            except MemoryError as e:
                full += 1
                if full >= 5:
                    log.error("The memory was full five times running")
                    hal.reset("memory")
                fault = e
            except Exception as e:
                full = 0
                fault = e
            again = not fails and (link.http.stale or getattr(fault, "st", 0) == 401)
            fails += 1
            if not again:
                told = await missed(link, fault, fails, told)
    finally:
        if side:
            side.cancel()
        await link.close()


async def missed(link, e, fails, told):  # what to do about a fault: wait
    await link.close()
    gc.collect()
    refused = isinstance(e, Refused)
    text = str(e) if refused else "%s %s" % (e.__class__.__name__, e)
    if text != told:
        log.warn("No Roost at %s: %s" % (link.url, text))
    if isinstance(e, (TypeError, KeyError, AttributeError, NameError)):
        log.error("The line failed", e)
    if link.http.secure and hal.PROFILE == "full" and link.key and not hal.now():
        from rt import join

        await join.time(link)
    if link.old:
        from rt import move

        move.failed(link)
    link.gone = 0 if refused or not link.wifi() else link.gone or hal.up()
    ms = min(60, 1 << min(fails - 1, 6)) * (500 + hal.urandom(1)[0] * 4)
    if refused:
        ms = max(ms, e.wait * 1000, 30000 if e.st in (403, 404, 409) else 0)
    while ms > 0:
        link.at = hal.ticks_ms()
        await hal.sleep_ms(min(ms, 5000))
        ms -= 5000
    return text
