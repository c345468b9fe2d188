# The thing as a node of Pyaiot, for the networks that are there: setting "pyaiot" is coap://HOST, mqtt://HOST or
# ws://HOST, with :PORT and, for ws, a path. This is beside the line to Roost, not in place of it.
#
# A transport is a module with async session(node, place), which announces the node and returns or raises when it
# is lost; place has scheme, user, password, host, port, path. What it needs of the node:
#   node.id                    what it is called there, 12 hex digits or setting "pyaiot_id"
#   node.names()               of all resources: what the app has registered and reported
#   await node.read(name)      its value as text, None: there is none
#   await node.write(name, s)  sets it; the value as text. KeyError: cannot be set; what set() raised: refused
#   await node.changed()       waits for values that differ from what it gave before; {name: text}
import asyncio, json
from rt import conf, hal, log
from rt.hal import sleep_ms
from rt.parts import result

PORTS = {"coap": 5683, "mqtt": 1883, "ws": 8001}
LOOK = 1000  # ms between looks for changes


class Place:
    def __init__(self, uri):
        self.scheme, rest = uri.split("://", 1)
        rest, slash, path = rest.partition("/")
        self.path = slash + path
        self.user = self.password = None
        if "@" in rest:
            who, _, rest = rest.rpartition("@")
            self.user, _, self.password = who.partition(":")
        self.host, self.port = rest, PORTS[self.scheme]
        head, colon, port = rest.rpartition(":")
        if colon and "]" not in port:
            self.host, self.port = head, int(port)
        self.host = self.host.strip("[]")
        if not self.host:
            raise ValueError("no host")


def text(v):
    "Values are texts there."
    if isinstance(v, str):
        return v
    if isinstance(v, bool):
        return "1" if v else "0"
    return json.dumps(v)


class Node:
    def __init__(self, platform, link=None):
        self.platform = platform
        self.link = link
        self.id = conf.get("pyaiot_id") or hal.uid().upper()
        self.about = {
            "name": conf.get("name") or platform.device_id or self.id,
            "os": hal.PYTHON.split(" ")[0],
            "board": hal.MACHINE or hal.PLATFORM,
        }
        self.told = {}

    def names(self):
        p = self.platform
        names = list(self.about)
        for n in list(p._resources) + list(p._telemetry):
            if n not in names and n not in ("check", "resources") and not any([c in n for c in "/+#,<>"]):
                names.append(n)
        return names

    async def read(self, name):
        p = self.platform
        get = p._resources.get(name, (None, None))[0]
        v = await result(get()) if get else p._telemetry.get(name, self.about.get(name))
        return None if v is None else text(p.clean(v))

    async def write(self, name, s):
        set = self.platform._resources.get(name, (None, None))[1]
        if not set:
            raise KeyError(name)
        try:
            v = json.loads(s)
        except ValueError:
            v = s
        answer = await result(set(v))
        s = await self.read(name)
        if s is None:
            v = v if answer is None else answer
            s = text(self.platform.clean(v))
        if self.link:
            self.link.put("tele", {name: s})
        return s

    async def values(self):
        "All that can be read now."
        all = {}
        for n in self.names():
            try:
                v = await self.read(n)
            except Exception as e:
                log.warn("%s: %s" % (n, e))
                continue
            if v is not None:
                all[n] = v
        return all

    async def changed(self):
        while True:
            now = await self.values()
            new = {n: v for n, v in now.items() if self.told.get(n) != v}
            if new:
                self.told = now
                return new
            await sleep_ms(LOOK)


async def first(*jobs):
    "Runs all until one of them ends, and raises what it raised."
    end = asyncio.Event()
    faults = []

    async def one(c):
        try:
            await c
        except Exception as e:
            faults.append(e)
        end.set()

    tasks = [asyncio.create_task(one(c)) for c in jobs]
    try:
        await end.wait()
    finally:
        for t in tasks:
            t.cancel()
    if faults:
        raise faults[0]


async def shut(w):
    w.close()
    try:
        await w.wait_closed()
    except OSError:
        pass


async def run(uri, apps):
    "For ever: what is lost is tried again, later and later."
    from rt.apps import platform
    from rt.wifi import pause

    try:
        place = Place(uri)
        session = __import__("rt." + place.scheme, None, None, ("session",)).session
    except (ValueError, KeyError, ImportError, AttributeError) as e:
        log.error("Setting pyaiot: %s is not coap://, mqtt:// or ws:// and a host" % uri, e)
        return
    n = 0
    while True:
        t = hal.ticks_ms()
        why = None
        try:
            await session(Node(platform, apps.link), place)
        except Exception as e:  # whatever it is, the rest of the thing goes on
            why = "%s %s" % (e.__class__.__name__, e)
        n = 0 if hal.ticks_diff(hal.ticks_ms(), t) > 60000 else n + 1
        if n < 2:
            log.warn("Pyaiot at %s is lost: %s" % (place.host, why or "it closed"))
        await sleep_ms(pause(n))
