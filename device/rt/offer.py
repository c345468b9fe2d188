# An offered update: taken at once, or when the app lets go. Before the app is imported there is room for it; a lean board
# restarts to have that room.
import asyncio, json
from rt import conf, hal, log


def names(u):  # nobody vouches for them yet
    r = json.loads(u["r"])
    e = json.loads(u["e"])
    return str(r["kind"]), str(r["ver"])[:64], sum([r["files"][n][0] for n in e["use"]])


def take(link, guard, u):
    from rt import wait

    if link.busy or not wait.due(u):
        return
    link.busy = asyncio.create_task(run(link, guard, u))


async def run(link, guard, u):
    try:
        await work(link, guard, u)
    except Exception as e:
        log.error("The update failed", e)
        from rt import wait

        wait.longer(u)
    finally:
        if link.fetch:
            await link.fetch.close()
        link.busy = None


def held():  # the app wants no update now
    from rt.apps import platform

    return platform._hold


async def work(link, guard, u):
    kind, ver, of = names(u)
    apps = guard.apps
    if apps and held():
        link.progress(kind, ver, "held", 0, of, "the app asked to wait")
        while held():
            await hal.sleep_ms(1000)
    if apps and hal.PROFILE == "lean":
        log.info("Restart, to update")
        await link.flush()
        hal.reset("update")
    log.info("Update: %s %s" % (kind, ver))
    link.progress(kind, ver, "fetching", 0, of)
    from rt import update
    from rt.parts import show

    show("update")
    at = hal.ticks_ms()

    def more(done, of):
        nonlocal at
        if hal.ticks_diff(hal.ticks_ms(), at) > 2000:
            at = hal.ticks_ms()
            link.progress(kind, ver, "fetching", done, of)

    how, why = await update.apply(link, u, more)
    update = None
    hal.forget("update", "fill", "fetch", "rom", "release")
    show("running" if apps else "searching")
    if how != "installed":
        log.warn("Update %s %s: %s, %s" % (kind, ver, how, why))
        return link.progress(kind, ver, how, why=why)
    t = conf.load("_s/trial")
    t[kind] = ver
    conf.save("_s/trial", t)
    link.progress(kind, ver, how)
    link.slots = True
    if kind == "os" or apps:
        await link.flush()
        hal.reset("update")


def confirm(guard):  # the trials are over
    from rt import slots

    t = conf.load("_s/trial")
    for kind, ver in guard.trial.items():
        slots.confirm(kind)
        log.info("%s %s is confirmed" % (kind, ver))
        t.pop(kind, None)
        guard.link.progress(kind, ver, "confirmed")
    conf.keep("_s/trial", t)
    guard.trial = {}
    guard.link.slots = True
