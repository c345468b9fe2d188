# The line to Roost: docs/protocols/agent.md. It may fail at any moment; what goes up is neither lost nor doubled.
import asyncio, json
from binascii import hexlify
from rt import conf, hal, log
from rt.http import Http
from rt.queue import Queue
from rt.sync import Orders

MAX = {"lean": 8192, "full": 16384}.get(hal.PROFILE, 65536)  # bytes of an answer; a release of the runtime takes 6500


class Refused(Exception):  # a hint, nobody vouches for it
    def __init__(self, st, h, b):
        self.st = st
        try:
            self.wait = min(int(h.get("retry-after", "0")), 3600)
        except ValueError:
            self.wait = 0
        try:
            d = json.loads(b)
            text = str(d.get("error"))[:150]
        except (ValueError, AttributeError):
            text = ""
        super().__init__("%d %s" % (st, text))


class Link:
    def __init__(self, url=None):
        from rt import keys, move

        keys.identify(self)
        self.boot = hexlify(hal.urandom(4)).decode()
        self.q = Queue(2048 if hal.PROFILE == "lean" else MAX // 2)
        self.orders = Orders(self)
        self.info = {}  # goes into register, over what is found
        self.st = {}  # of parts, to be told
        self.upd = []  # of updates, to be told
        self.slots = False  # shall be told
        self.synced = self.era = 0  # times; of the app: another one from its start on
        self.proved = False  # has a sync of this era been made?
        self.poke = asyncio.Event()  # there is something to tell
        self.offer = None  # offer(update); busy is true until it is done
        self.busy = None
        self.gap = 0  # ms between the last two entries
        self.at = self.last = hal.ticks_ms()  # when it last got on; of the last entry
        self.carries = self.polls = False
        self.gone = 0  # since when nobody answers, ms of hal.up; 0: somebody does, or the Wi-Fi is gone
        self.wifi = lambda: True
        self.http = self.two = self.fetch = self.old = self.moving = None
        if not url:
            url = move.start(self)
        self.goto(url)
        log.on = self.poke.set

    def goto(self, url):
        self.url = url
        self.http = Http(url, MAX)
        # Where sockets and memory allow a second one, what happens is told while Roost holds the first.
        self.two = None if hal.PROFILE == "lean" or self.http.secure else Http(url, MAX)
        self.fetch = self.s = None
        self.known = False  # has it registered?

    async def close(self):
        for h in (self.http, self.two, self.fetch):
            if h:
                await h.close()

    def put(self, kind, data):
        self.q.put(kind, data)
        now = hal.ticks_ms()
        self.gap = hal.ticks_diff(now, self.last)
        self.last = now
        self.poke.set()

    def status(self, part, ok, text=""):
        self.st[part] = {"ok": bool(ok), "text": str(text)[:1000]}
        self.poke.set()

    def progress(self, kind, ver, state, done=0, of=0, why=""):
        new = {"kind": kind, "ver": ver, "state": state, "done": done, "of": of, "why": str(why)[:300]}
        self.upd = [u for u in self.upd if u["kind"] != kind or u["state"] != "fetching"][-7:] + [new]
        self.poke.set()

    def announce(self):  # info has changed
        self.known = False
        self.poke.set()

    def dirty(self):  # is there anything to tell?
        q = len(self.q) and not self.carries
        return q or self.orders.acks or self.st or self.upd or self.slots or not self.known or log.waiting()

    async def flush(self, ms=3000):  # before a reset
        while ms > 0 and self.synced and self.dirty():
            await hal.sleep_ms(100)
            ms -= 100

    async def file(self, sha, start, sink):
        from rt import pull

        return await pull.file(self, sha, start, sink)

    async def clear(self, path, d, http=None):
        head = (("Content-Type", "application/json"),)
        st, h, b = await (http or self.http).request("POST", path, json.dumps(d).encode(), head)
        if st != 200:
            raise Refused(st, h, b)
        return json.loads(b)

    def clock(self, now):
        if abs(hal.now() - now) > 1000:
            hal.set_time(now)
        self.q.stamp()

    async def sealed(self, http, path, text, wait=0):
        s = self.s
        c, text = s.seal(path, text.encode())
        ask = http.request("POST", path, text, (("Content-Type", "application/octet-stream"),), wait)
        text = None
        st, h, b = await ask
        if st != 200:
            if st == 401 and self.s is s:
                self.s = None
            raise Refused(st, h, b)
        d = json.loads(s.open(path, c, b))
        self.clock(int(d["now"]))
        self.at = hal.ticks_ms()
        return d
