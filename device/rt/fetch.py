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


class Sink:  # writes what comes behind what came before
    def __init__(self, name, size, sha, progress):
        self.name = name
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

    def close(self):
        _close(self.f)

    def drop(self):
        slots.drop(self.name)


def full(x):
    return isinstance(x, OSError) and x.args and x.args[0] == 28


async def fetch(link, want, dst, progress, open=Sink):
    size, sha = want
    fails = had = 0
    while True:
        sink = open(dst, size, sha, progress)
        start = sink.n
        progress(start - had)
        fault = None
        try:
            if start < size:
                await link.file(sha, start, sink)
            if sink.n < size:
                fault = EOFError("it ended")
        except Exception as x:
            fault = x
        finally:
            sink.close()
        had = min(sink.n, size)
        if fault:
            if isinstance(fault, MemoryError) or full(fault) or sink.n > size:
                sink.drop()
                raise fault
            fails = 0 if sink.n > start else fails + 1
            if fails == TRIES:
                raise fault
            await hal.sleep_ms(500 << fails)
            continue
        if hexlify(sink.h.digest()).decode() == sha:
            return
        sink.drop()
        if not start:  # else its first part may have been of another version
            raise ValueError("another content came than the release says")
