# The line to Roost: docs/protocols/agent.md. It may fail at any moment; what goes up is neither lost nor doubled.
import asyncio
from binascii import hexlify
from rt import conf, hal, log
from rt.call import Calls
from rt.http import Http, address
from rt.orders import Orders
from rt.queue import Queue
from rt.seal import unhex

MAX = {"lean": 8192, "full": 16384}.get(hal.PROFILE, 65536)  # bytes of an answer; a release of the runtime takes 6500


def server():
    for s in (conf.get("server"), conf.get("backend"), conf.load("_s/at").get("url")):
        if address(s):
            return address(s)
    return "http://roost.local:8080"


class Link(Calls):
    def __init__(self, url=None):
        self.identify()
        self.boot = hexlify(hal.urandom(4)).decode()
        self.q = Queue(2048 if hal.PROFILE == "lean" else MAX // 2)
        self.orders = Orders(self)
        self.on = self.orders.on
        self.info = {}  # goes into register, over what is found
        self.st = {}  # of parts, to be told
        self.upd = []  # of updates, to be told
        self.slots = False  # shall be told
        self.synced = 0
        self.ready = asyncio.Event()  # an authenticated sync has been made
        self.poke = asyncio.Event()  # there is something to tell
        self.offer = self.busy = None
        self.up = self.gap = 0  # ms; between the last two entries
        self.at = self.last = hal.ticks_ms()  # when it last got on; of the last entry
        self.carries = self.polls = False
        self.http = self.two = self.fetch = self.old = self.moving = None
        to = address(conf.get("_move"))
        if to and not url:
            self.old, self.since = server(), self.at
        self.goto(url or to or server())
        log.on = self.poke.set

    def identify(self):
        k = conf.load("_s/key")
        try:
            self.id, self.key = k["id"], unhex(k["key"], 32)
        except (KeyError, ValueError, TypeError):
            self.id = self.key = None

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

    def on_update(self, f):  # f(update); busy is true until it is done
        self.offer = f

    def dirty(self):  # is there anything to tell?
        q = len(self.q) and not self.carries
        return q or self.orders.acks or self.st or self.upd or self.slots or not self.known or log.waiting()

    async def flush(self, ms=3000):  # before a reset
        while ms > 0 and self.synced and self.dirty():
            await hal.sleep_ms(100)
            ms -= 100

    async def run(self):
        from rt import life

        await life.run(self)

    async def file(self, sha, start, sink):
        from rt import pull

        return await pull.file(self, sha, start, sink)
