# One sync: what goes up, and what an answer does; commands: each is done at most once, its answer told until Roost has it.
import asyncio, json
from rt import conf, hal, log
from rt.queue import clean

_KEPT = const(16)  # ids of commands


def said(link, q, again, acks, st, upd, wait):
    d = {"boot": link.boot, "up": hal.up(), "mem": hal.mem(), "rssi": hal.rssi(), "ip": hal.ip(), "wait": wait}
    d.update({"set": conf.get("_tag", ""), "ack": acks, "have": link.orders.have(), "st": st})
    d.update(link.runs)
    if again:
        d["again"] = again
    if link.slots:
        from rt import register

        d["slots"] = register.slots()
        register = None
        hal.forget("register", "slots")
    if upd:
        d["upd"] = upd
    return json.dumps(d)[:-1] + ',"q":' + q + "}"


async def sync(link, http, wait):
    # True: ask again at once. Only one call at a time carries entries, so "upto" tells of all before it.
    era = link.era
    carries = len(link.q) and not link.carries
    q, again = link.q.head() if carries else ("[]", 0)
    acks = list(link.orders.acks)
    st = dict(link.st)
    upd = link.upd[0] if link.upd else None
    tell = link.slots
    sent = q != "[]"
    q = link.sealed(http, "/d/1/sync", said(link, q, again, acks, st, upd, wait), wait)
    if carries:
        link.carries = True
    try:
        a = await q
    finally:
        if carries:
            link.carries = False
    link.synced += 1
    link.proved = link.proved or era == link.era
    before = len(link.q)
    if carries:
        link.q.drop(int(a.get("upto") or 0))
    link.orders.told(acks)
    for part in st:
        if link.st.get(part) is st[part]:
            del link.st[part]
    if upd and upd in link.upd:
        link.upd.remove(upd)
    if tell:
        link.slots = False
    if link.q.lost:
        n = link.q.lost
        link.q.lost = 0
        log.warn("%d entries were dropped: more than Roost could take meanwhile" % n)
    if a.get("settings"):
        from rt import register

        register.settings(link, a["settings"])
    for c in a.get("cmds") or ():
        link.orders.take(c)
    if a.get("update") and link.offer and not link.busy:
        link.offer(a["update"])
    if sent and len(link.q) >= before:
        raise OSError("Roost could not keep what was sent")
    if len(link.orders.runs) >= 8:
        await hal.sleep_ms(500)
    return a.get("again")


class Orders:
    def __init__(self, link):
        self.link = link
        self.do = None  # do(kind, body) gives the answer, or a coroutine that does
        self.ids = []  # the last ones
        self.runs = {}  # id → its task
        self.acks = []
        self.ready = False  # all who answer are here

    def have(self):
        return list(self.runs)

    def told(self, acks):
        self.acks = [a for a in self.acks if a not in acks]

    def take(self, c):
        id = c["id"]
        if id in self.ids:
            if id not in self.runs and not [a for a in self.acks if a["id"] == id]:
                self._answer(id, False, "It was done; Roost has lost the answer.")
            return
        if len(self.runs) >= 8:  # it comes again
            return
        self.ids.append(id)
        if c["kind"] == "restart":  # the next boot tells that it is done
            self.runs[id] = asyncio.create_task(self._restart(id))
        else:
            self.runs[id] = asyncio.create_task(self._run(id, c["kind"], c.get("body")))
        while len(self.ids) > _KEPT:
            self.ids.pop(0)

    async def _restart(self, id):
        log.info("Restart, as Roost asks")
        await hal.sleep_ms(100)
        await self.link.flush()
        hal.reset("restart:" + id)

    async def _run(self, id, kind, body):
        ok, answer = False, None
        try:
            while not self.do and not self.ready:  # what waited for this boot comes before the app
                await hal.sleep_ms(100)
            if not self.do:
                raise ValueError("the runtime here knows no %s" % kind)
            answer = self.do(kind, body)
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
            self.runs.pop(id, None)
            self._answer(id, ok, answer)

    def _answer(self, id, ok, body):
        self.acks.append({"id": id, "ok": ok, "body": body})
        self.link.poke.set()
