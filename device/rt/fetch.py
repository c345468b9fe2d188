# Brings a file into a slot, from the other slot or from Roost.
import os
from binascii import hexlify
from hashlib import sha256

from rt import hal, release, slots

TRIES = 5  # one after the other, without a byte


def _close(f):
    if hasattr(os, "fsync"):
        f.flush()
        os.fsync(f.fileno())
    f.close()


def copy(src, dst):
    b = bytearray(512)
    m = memoryview(b)
    with open(src, "rb") as f:
        g = open(dst, "wb")
        try:
            while True:
                n = f.readinto(b)
                if not n:
                    break
                g.write(m[:n])
        finally:
            _close(g)


class _Sink:  # writes what comes behind what came before
    def __init__(self, name, size, progress):
        self.size = size
        self.progress = progress
        self.h = sha256()
        self.n = 0
        if slots.there(name):
            self.n = os.stat(name)[6]
            if self.n <= size:
                release.add(self.h, name)
            else:
                slots.drop(name)
                self.n = 0
        self.f = open(name, "ab")

    def __call__(self, b):
        hal.feed()
        if self.n + len(b) > self.size:
            self.n = self.size + 1
            raise ValueError("more came than the release says")
        self.f.write(b)
        self.h.update(b)
        self.n += len(b)
        self.progress(len(b))


def full(x):
    return isinstance(x, OSError) and x.args and x.args[0] == 28


async def fetch(link, want, dst, progress):
    size, sha = want
    fails = 0
    first = True
    while True:
        sink = _Sink(dst, size, progress)
        start = sink.n
        if first:
            progress(start)
        first = False
        fault = None
        try:
            if start < size:
                await link.file(sha, start, sink)
            if sink.n < size:
                fault = EOFError("it ended")
        except Exception as x:
            fault = x
        finally:
            _close(sink.f)
        if fault:
            if isinstance(fault, MemoryError) or full(fault) or sink.n > size:
                slots.drop(dst)
                raise fault
            fails = 0 if sink.n > start else fails + 1
            if fails == TRIES:
                raise fault
            await hal.sleep_ms(500 << fails)
            continue
        if hexlify(sink.h.digest()).decode() == sha:
            return
        slots.drop(dst)
        progress(-size)
        if not start:  # else its first part may have been of another version
            raise ValueError("another content came than the release says")
