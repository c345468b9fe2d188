# Commands: each is done at most once, its answer told until Roost has it.
import asyncio, json
from rt import hal, log
from rt.queue import clean

KEPT = 16


class Orders:
    def __init__(self, link):
        self.link = link
        self.do = {}
        self.ids = []  # the last ones
        self.runs = {}  # id → its task
        self.acks = []
        self.ready = False  # all who answer are here

    def on(self, kind, f):  # f(body) gives the answer, or a coroutine that does
        self.do[kind] = f

    def have(self):
        return list(self.runs)

    def told(self, acks):
        self.acks = [a for a in self.acks if a not in acks]

    def take(self, c):
        id = c["id"]
        if id in self.ids or len(self.runs) >= 8:  # it comes again
            return
        self.ids.append(id)
        if c["kind"] == "restart":  # the next boot tells that it is done
            self.runs[id] = asyncio.create_task(self._restart(id))
        else:
            self.runs[id] = asyncio.create_task(self._run(id, c["kind"], c.get("body")))
        while len(self.ids) > KEPT:
            self.ids.pop(0)

    async def _restart(self, id):
        log.info("Restart, as Roost asks")
        await hal.sleep_ms(100)
        await self.link.flush()
        hal.reset("restart:" + id)

    async def _run(self, id, kind, body):
        ok, answer = False, None
        try:
            while kind not in self.do and not self.ready:  # what waited for this boot comes before the app
                await hal.sleep_ms(100)
            f = self.do.get(kind)
            if not f:
                raise ValueError("the runtime here knows no %s" % kind)
            answer = f(body)
            if hasattr(answer, "send"):
                answer = await answer
            answer = clean(answer)
            n = len(json.dumps(answer))
            if n > self.link.q.limit:
                raise ValueError("the answer has %d bytes: at most %d" % (n, self.link.q.limit))
            ok = True
        except Exception as e:
            answer = str(e)[:1000] or repr(e)
        finally:
            self.acks.append({"id": id, "ok": ok, "body": answer})
            self.runs.pop(id, None)
            self.link.poke.set()
