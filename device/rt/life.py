# The line's own life: again and again.
import asyncio, gc
from rt import conf, hal, log, pace
from rt.call import Refused
from rt.sync import register, sync


def gather(link):  # the log's lines join the queue
    for _, level, text, detail in log.take():
        link.q.put("log", [level, text, detail[-link.q.limit // 3 :]] if detail else [level, text])
    link.q.lost += log.lost
    log.lost = 0


async def step(link):
    if not link.key:
        from rt import join

        await join.join(link)
    if not link.s:
        await link.hello()
    if not link.known:
        await register(link)
    gather(link)
    every = conf.num("sync_interval", 25)
    wait = min(25, max(every, 1))
    if link.dirty() or every > 25:
        wait = 0
    elif link.busy or link.orders.runs and not link.two:
        wait = 1
    elif not link.two:
        wait = min(wait, pace.due(link))
    link.polls = wait > 0
    try:
        again = await sync(link, link.http, wait)
    finally:
        link.polls = False
    if link.old or link.moving:
        from rt import move

        await move.on(link)
    elif every > 25 and not again:
        await pace.idle(link, every * 1000)


async def push(link):  # on the second connection, while Roost holds the first
    while True:
        await link.poke.wait()
        link.poke.clear()
        await hal.sleep_ms(50)
        if not (link.polls and link.s and link.two):
            continue
        try:
            if not link.known:
                await register(link, link.two)
            gather(link)
            if link.dirty():
                await sync(link, link.two, 0)
            await hal.sleep_ms(200)
        except Exception:  # the first one will say what is wrong
            await hal.sleep_ms(5000)
            link.poke.set()


async def run(link):
    side = [asyncio.create_task(f(link)) for f in (pace.clock, push)]
    fails = full = 0
    told = None
    try:
        while True:
            try:
                await step(link)
                if told:
                    log.info("Roost answers again")
                fails = full = 0
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
        for t in side:
            t.cancel()
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
    ms = min(60, 1 << min(fails - 1, 6)) * (500 + hal.urandom(1)[0] * 4)
    if refused:
        ms = max(ms, e.wait * 1000, 30000 if e.st in (403, 404, 409) else 0)
    while ms > 0:
        link.at = hal.ticks_ms()
        await hal.sleep_ms(min(ms, 5000))
        ms -= 5000
    return text
