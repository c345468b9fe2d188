# Confirms what is good, starts anew what is not.
from rt import VERSION, conf, hal, log
from rt.hal import ticks_diff

REACH = 600  # s in which a new runtime must reach Roost
QUICK = 60  # s: an app that ends the board by then is to blame
STUCK = 180000  # ms without any progress of the line


class Guard:
    def __init__(self, link):
        self.link = link
        self.apps = None
        self.imported = False
        self.safe = False
        self.trial = {}  # kind → version
        self.quick = True
        self.s = self.crashes = self.synced = 0  # s since the app was started; crashes, syncs before
        self.said = ""

    def trials(self, slots):
        for kind in ("os", "app"):
            t = slots.load(kind)
            if t and "try" in t and not (kind == "os" and slots.factory()):
                self.trial[kind] = t["ver"]
        t = conf.load("_s/trial")
        for kind in list(t):
            if t[kind] in slots.state(kind)["bad"]:
                why = (conf.load("_s/crash").get("text") or "").strip().split("\n")[-1]
                log.warn("%s %s failed in its trial, the one before runs again. %s" % (kind, t[kind], why))
                self.link.progress(kind, t.pop(kind), "returned", why=why)
                conf.keep("_s/trial", t)

    def enter(self):  # the folder of the app; None: there is none, or it is better left alone
        from rt import files, slots

        path = slots.enter_app()
        self.trials(slots)
        self.crashes = log.crashes
        self.link.info["files"] = files.here(path or hal.ROOT)
        if not path:
            return hal.ROOT or "/" if files.is_app(hal.ROOT) else None
        ver = slots.state("app")["ver"]
        n = conf.load("_s/runs")
        quick = n.get("ver") == ver and type(n.get("n")) is int and hal.cause() in ("crash", "watchdog")
        n = n["n"] if quick else 0
        if n >= 3 and "app" not in self.trial:
            self.safe = True
            text = "Safe mode: app %s does not run, as it ended the board %d times within a minute." % (ver, n)
            log.error(text)
            self.link.status("worker", False, text)
            return None
        conf.keep("_s/runs", {"ver": ver, "n": n + 1})
        self.synced = self.link.synced
        if "app" in self.trial:
            hal.start_watchdog()
        return path

    async def watch(self, look):
        last = hal.ticks_ms()
        ms = 0
        while True:
            await hal.sleep_ms(1000)
            now = hal.ticks_ms()
            ms += max(ticks_diff(now, last), 0)
            last = now
            self.s = ms // 1000
            if ticks_diff(now, self.link.at) < STUCK and (not self.apps or self.apps.alive()):
                hal.feed()
            try:
                if self.s % 10 == 0:
                    await look()
                await self.check()
            except Exception as e:
                if repr(e) != self.said:
                    log.error("Trial or set-up failed", e)
                self.said = repr(e)

    async def check(self):
        if self.quick and self.s >= QUICK:
            self.quick = False
            if not self.safe:
                conf.drop("_s/runs")
            if not self.trial:
                conf.drop("_s/fail")
        if "app" in self.trial and log.crashes > self.crashes:
            log.warn("App %s failed in its trial" % self.trial["app"])
            await self.link.flush()
            hal.reset("crash")
        line = self.link.synced > self.synced  # an app can break it
        good = line and (self.imported or self.safe)
        due = self.trial and self.s >= conf.num("trial", 60, 0, 540)
        if due and not line:  # asks for one
            self.link.slots = True
            self.link.poke.set()
        if due and good:
            from rt import offer

            offer.confirm(self)
        elif self.s >= REACH and self.trial and ("os" in self.trial or self.synced and not line):
            log.error("%s does not reach Roost" % self.trial)
            hal.reset("crash")
