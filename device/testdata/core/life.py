# What the line does about faults: how long it waits, when it gives up the boot, what it keeps.
import asyncio
from rt import hal, life, link as call, log
from rt.queue import Queue

slept = []
resets = []


async def sleep_ms(ms):
    slept.append(ms)
    await asyncio.sleep(0)
    if len(slept) > 400:
        raise KeyboardInterrupt


class Done(Exception):
    pass


class Stop(BaseException):
    pass


def reset(why):
    resets.append(why)
    raise Stop


hal.reset = reset
real = hal.sleep_ms


class Http:
    stale = secure = False


class Link:
    def __init__(self, faults):
        self.faults = faults
        self.http = Http()
        self.poke = asyncio.Event()
        self.q = Queue()
        self.url = "http://x"
        self.key = b"k"
        self.old = self.moving = self.two = self.s = None
        self.polls = 0
        self.closed = self.gone = 0

    def wifi(self):
        return self.url == "http://x"

    async def close(self):
        self.closed += 1


async def step(link):
    if not link.faults:
        raise Stop
    f = link.faults.pop(0)
    if f:
        raise f


async def nothing(link):
    pass


life.step = step


async def waits(*faults):  # how long was waited after each
    out = []
    link = Link(list(faults))
    real_missed = missed

    async def watched(link, e, fails, told):
        slept[:] = []
        hal.sleep_ms = sleep_ms
        told = await real_missed(link, e, fails, told)
        hal.sleep_ms = real
        out.append(sum([min(ms, 5000) for ms in slept]))
        return told

    life.missed = watched
    try:
        await life.run(link)
    except Stop:
        pass
    return out, link


missed = life.missed


def refused(st, wait=None):
    return call.Refused(st, {"retry-after": wait} if wait else {}, b'{"error":"no","state":"later"}')


async def main():
    # 1, 2, 4 … 60 s, each from half to one and a half of it
    out, link = await waits(*[OSError(113) for _ in range(12)])
    for i, ms in enumerate(out):
        most = min(60, 1 << i) * 1000
        assert most * 0.5 <= ms <= most * 1.53, (i, ms)
    assert len(out) == 12 and link.closed >= 12
    # it starts over after it got through
    out, link = await waits(OSError(1), OSError(1), OSError(1), None, OSError(1))
    assert out[3] <= 1530, out
    # a connection that had gone stale, and a session that is unknown, are tried again at once, but once
    Http.stale = True
    out, link = await waits(OSError(104), OSError(104))
    assert len(out) == 1, out
    Http.stale = False
    out, link = await waits(refused(401), refused(401))
    assert len(out) == 1, out
    # who waits for approval asks every 30 s; Retry-After counts
    out, link = await waits(refused(403), refused(404), refused(409), refused(503, "7"), refused(429, "x"))
    assert 30000 <= out[0] < 31600 and out[1] >= 30000 and out[2] >= 30000 and out[3] >= 7000, out
    # any other fault is a fault of the line, not its end
    out, link = await waits(ValueError("mac"), EOFError(), asyncio.TimeoutError(), KeyError("now"), RuntimeError("x"), TypeError("y"))
    assert len(out) == 6
    # the memory: five times running is enough
    out, link = await waits(*([MemoryError()] * 4 + [OSError(1)] + [MemoryError()] * 4))
    assert not resets and len(out) == 9
    out, link = await waits(*[MemoryError()] * 9)
    assert resets == ["memory"] and len(out) == 4, (resets, out)
    # since when nobody answers: who refuses is there, and without Wi-Fi nobody can be
    hal.up = lambda: 5000
    out, link = await waits(OSError(1), OSError(1))
    assert link.gone, link.gone
    out, link = await waits(OSError(1), refused(403))
    assert not link.gone, link.gone
    out, link = await waits(OSError(1), None)
    assert not link.gone, link.gone
    link.url = "no Wi-Fi"
    link.gone = 5
    hal.sleep_ms = sleep_ms
    await missed(link, OSError(1), 1, None)
    hal.sleep_ms = real
    assert not link.gone, link.gone
    # on one connection a poll ends when the next entry is due
    ticks = [1 << 20]
    hal.ticks_ms = lambda: ticks[0]
    link.two, link.gap, link.last = None, 5000, ticks[0]
    hal.up = lambda: 60000
    for gone, want in ((0, 6), (1500, 4), (4999, 1), (5000, 2), (9000, 2), (10001, 25)):
        ticks[0] = link.last + gone
        assert life.due(link) == want, (gone, life.due(link))
    hal.up = lambda: 5000
    assert life.due(link) == 2
    # a refusal is text from anybody
    for b in (b"", b"{", b"[]", b"5", b"\xff", b'{"error":{"a":1}}', b"null"):
        assert call.Refused(500, {"retry-after": "soon"}, b).wait == 0


asyncio.run(main())
print("passed")
