# The app of this thing, by both contracts: app.py with its run(), and the tasks
# of PythingsOS. What fails is told and tried again.
import asyncio, gc
from rt import glue, hal, log, parts
from rt.hal import sleep_ms, ticks_diff, ticks_ms
from rt.parts import show


if not hal.MICRO:
    from rt import micro
platform = glue.ours()
del glue


class Apps:
    def __init__(self, link):
        self.link = link
        self.app = self.main = self.tasks = self.path = None
        self.ver = "0"
        self.running = []  # asyncio tasks that shall never end
        self.told = {}  # what was told of faults, and when
        platform._put = link.put
        platform._changed = self.announce
        platform.device_id = link.id
        link.orders.do = self.command

    def command(self, kind, body):
        from rt import commands  # loaded when there is one

        if kind not in commands.DO:
            raise ValueError("the runtime here knows no %s" % kind)
        return commands.DO[kind](self, body)

    def announce(self):
        parts.announce(platform, self.link, self.app)
        if self.running:  # Roost knows less
            self.link.announce()

    def load(self, path=None):
        from rt import glue

        return glue.load(self, path)

    def start(self):
        if self.main or hasattr(self.app, "run"):
            self.go(self._run())
        if self.tasks:
            self.tasks.start()
        self.go(parts.beat(platform, self.link, self.failed))

    def go(self, coroutine):
        self.running.append(asyncio.create_task(coroutine))

    def stop(self):
        for t in self.running:
            t.cancel()
        self.running = []

    def alive(self):
        return not any([t.done() for t in self.running])

    def failed(self, e, crash=True):
        # tells of a fault, but of the same one not again within 10 minutes
        gc.collect()
        text = log.trace(e)[-1000:]
        now = ticks_ms()
        at = self.told.get(text)
        if at is None or not 0 <= ticks_diff(now, at) < 600000:
            while len(self.told) > 3:
                self.told.popitem()
            self.told[text] = now
            if crash:
                log.crash("app", self.ver, e)
                if self.running:
                    self.link.announce()
            else:
                log.error("The app failed", e)
        return text

    async def _run(self):
        pause = 5
        while True:
            began = ticks_ms()
            try:
                main, self.main = self.main, None
                if not main:
                    from rt import glue

                    main = glue.main(self.path)
                hal.forget("glue")
                show("running")
                main = main or self.app.run()
                await main
                log.warn("run() has ended; it starts again in %d s" % pause)
            except (Exception, SystemExit) as e:
                self.failed(e)
                show("error")
            if not 0 <= ticks_diff(ticks_ms(), began) < 600000:
                pause = 5
            await sleep_ms(pause * 1000)
            pause = min(pause * 2, 300)
