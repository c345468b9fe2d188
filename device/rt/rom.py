# A runtime in the board's ROM, the part of its flash that the processor sees: three images one after the other, the
# factory's and two that updates take in turns. boot.py mounts what runs; what does not is written here, by sectors.
import sys
from hashlib import sha256
from binascii import hexlify

from rt import hal, slots

FILE = "rt.rom"  # as releases call it
_BLANK = b"\xff" * 512


def size():  # bytes of one of the three; 0: this runtime lies in files
    if "/_rf" not in sys.path:
        return 0
    import vfs

    return len(vfs.rom_ioctl(2, 0)) // 12288 * 4096


def _start(slot):  # where in the flash
    import uctypes, vfs

    return uctypes.addressof(vfs.rom_ioctl(2, 0)) - 0x40200000 + ("_a", "_b").index(slot) * size() + size()


def _read(at, n, take):  # take(piece) of the flash itself, for what the processor sees may be older; True ends it
    import esp

    b = bytearray(512)
    m = memoryview(b)
    for i in range(0, n, 512):
        esp.flash_read(at + i, b)
        if take(m[: min(512, n - i)]):
            return True


def same(slot, want):  # does that image lie there? want: [size, sha256]
    if want[0] > size():
        return False
    h = sha256()
    _read(_start(slot), want[0], h.update)
    return hexlify(h.digest()).decode() == want[1]


class Sink:  # writes what comes behind what came before a cut; file: holds the hash of what is being written
    def __init__(self, file, size, sha, progress):
        self.file = file
        self.size = size
        self.progress = progress
        self.at = _start(file.rsplit("/", 2)[1])
        self.b = bytearray(512)
        self.k = self.n = 0  # bytes in b, bytes that came
        try:
            with open(file) as f:
                begun = f.read() == sha
        except (OSError, ValueError):
            begun = False
        if begun:
            self.n = self._written()
        else:
            self._clear(sha)
        self.o = self.n  # of what comes next
        self.h = sha256()
        _read(self.at, self.n, self.h.update)

    def _written(self):  # from where on to write: the last sector that is not blank may not be whole
        for o in range((self.size - 1) // 4096 * 4096, 0, -4096):
            if _read(self.at + o, 4096, lambda b: b != _BLANK):
                return o
        return 0

    def _clear(self, sha):
        import esp

        slots.drop(self.file)
        for o in range(0, self.size, 4096):
            hal.feed()
            esp.flash_erase((self.at + o) // 4096)
        slots.put(self.file, sha)

    def __call__(self, b):
        hal.feed()
        if self.n + len(b) > self.size:
            self.n = self.size + 1
            raise ValueError("more came than the release says")
        self.h.update(b)
        self.n += len(b)
        i = 0
        while i < len(b):
            k = min(512 - self.k, len(b) - i)
            self.b[self.k : self.k + k] = b[i : i + k]
            self.k += k
            i += k
            if self.k == 512:
                self._write()
        self.progress(len(b))

    def _write(self):
        import esp

        if self.o % 4096 == 0:
            esp.flash_erase((self.at + self.o) // 4096)
        k = (self.k + 3) // 4 * 4
        self.b[self.k : k] = _BLANK[self.k : k]
        esp.flash_write(self.at + self.o, memoryview(self.b)[:k])
        self.o += self.k
        self.k = 0

    def close(self):
        if self.k:
            self._write()

    def drop(self):
        slots.drop(self.file)
