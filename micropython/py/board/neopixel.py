# NeoPixels, whose state is read from outside.
import _host
from uctypes import addressof


class NeoPixel:
    ORDER = (1, 0, 2, 3)

    def __init__(self, pin, n, bpp=3, timing=1):
        self.pin = pin
        self.n = n
        self.bpp = bpp
        self.buf = bytearray(n * bpp)

    def __len__(self):
        return self.n

    def __setitem__(self, i, v):
        for c in range(self.bpp):
            self.buf[i * self.bpp + self.ORDER[c]] = v[c]

    def __getitem__(self, i):
        return tuple(self.buf[i * self.bpp + self.ORDER[c]] for c in range(self.bpp))

    def fill(self, v):
        for i in range(self.n):
            self[i] = v

    def write(self):
        shown = bytearray(len(self.buf))
        for i in range(self.n):
            shown[i * self.bpp : (i + 1) * self.bpp] = bytes(self[i])
        _host.pixels(self.pin.id, addressof(shown), len(shown))
