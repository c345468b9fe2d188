# The life of a boot, and what guards it: whatever else is broken, the line to Roost and updates stand. Confirms what is
# good, starts anew what is not.
import asyncio
from rt import VERSION, conf, hal, log
from rt.hal import ticks_diff

_REACH = const(600)  # s in which a new runtime must reach Roost; a new app, if the line stood before it
_QUICK = const(60)  # s: an app that ends the board by then is to blame
_STUCK = const(180000)  # ms without any progress of the line


def part(name):  # a module of ours; None when it is broken
    try:
        return __import__("rt." + name, None, None, (name,))
    except Exception as e:
        log.crash("os", VERSION, e)


async def keep(f, args, needed=False):  # for ever; without what is needed the board starts anew
    n = 0
    while True:
        try:
            return await f(*args)
        except Exception as e:
            log.crash("os", VERSION, e)
        n += 1
        if n > 5 and needed:
            hal.reset("crash")
        await hal.sleep_ms(5000 << min(n, 7))


class Guard:
    def __init__(self, link, net):
        self.link = link
        self.net = net
        self.apps = None
        self.tasks = []
        self.imported = self.safe = False
        self.trial = {}  # kind → version
        self.quick = True
        self.crashes = 0  # before the app was started
        self.stood = False  # the line, before it
        self.patience = 86400000  # ms without Roost, where it was with this app
        self.said = ""

    def offered(self, u):
        from rt import offer

        offer.take(self.link, self, u)

    async def watch(self):
        s = 0
        began = hal.up()
        while True:
            await hal.sleep_ms(1000)
            last, s = s, (hal.up() - began) // 1000
            if ticks_diff(hal.ticks_ms(), self.link.at) < _STUCK and (not self.apps or self.apps.alive()):
                hal.feed()
            try:
                if self.net and s // 10 > last // 10 and self.net.wants_setup():
                    from rt import start

                    await start.set_up(self.net)
                await self.check(s)
            except Exception as e:
                if repr(e) != self.said:
                    log.error("Trial or set-up failed", e)
                self.said = repr(e)

    async def check(self, s):  # s since the app was started
        line = self.link.proved  # an app can break it
        if self.quick and s >= _QUICK and (line or not self.stood):
            self.quick = False
            if not self.safe:
                conf.drop("_s/runs")
            if not self.trial:
                conf.drop("_s/fail")
        if "app" in self.trial and log.crashes > self.crashes:
            log.warn("App %s failed in its trial" % self.trial["app"])
            await self.link.flush()
            hal.reset("crash")
        due = self.trial and s >= conf.num("trial", 60, 0, 540)
        if due and not line:  # asks for one
            self.link.slots = True
            self.link.poke.set()
        if due and line and (self.imported or self.safe):
            from rt import offer

            offer.confirm(self)
            hal.forget("offer", "slots")
        elif s >= _REACH and not line and ("os" in self.trial or self.stood and not self.safe):
            self.cut_off()
        gone = line and hal.app and self.link.gone
        if gone and hal.up() - gone > self.patience:
            from rt import lost

            if not lost.restart(self.link):
                self.link.gone = hal.up()

    def cut_off(self):  # what is on trial is to blame, else the app, without which the line stood
        if self.trial:
            log.error("%s does not reach Roost" % self.trial)
        else:
            log.crash("app", self.apps.ver, OSError("Roost cannot be reached since it was started"))
        hal.reset("crash")


async def life():
    from rt import start

    guard = await start.run()
    start = None
    hal.forget("start", "enter", "lost", "glue", "dog", "want", "release", "slots", "rom", "register", "join", "keys", "move", "x25519")
    await guard.watch()


def main():
    try:
        asyncio.run(life())
        raise RuntimeError("it has ended")
    except KeyboardInterrupt:
        raise
    except BaseException as e:
        if not hal.app:
            raise  # main.py counts it for this runtime
        import time

        log.crash("app", hal.app, e)  # an older main.py would count this for the runtime, too
        time.sleep(5)  # an installer's Ctrl-C comes through
    hal.reset("crash")
