# The board's log files, as its own server shows them.
import os
from rt import hal
from rt.serve import Fault, number


def names():
    all = os.listdir(hal.ROOT or "/")
    return sorted([n for n in all if n[-4:] == ".txt" and n.split("_log")[0] in ("boot", "main", "platform")])


def page(request):
    name = request.path[6:]
    if not name and request.path == "/logs":
        return {"logs": names()}
    if name not in names():
        raise Fault(404, "There is no such log.")
    return Tail(hal.ROOT + "/" + name, number(request.args.get("lines", "0"), "lines"))


class Tail:
    # the last lines of a file, or all of it, never whole in memory
    def __init__(self, path, lines):
        self.path = path
        ends = self._ends() if lines else 0
        self.start = 0
        if lines and ends > lines:
            self.start = self._after(ends - lines)
        self.length = os.stat(path)[6] - self.start

    def _ends(self):
        n, last = 0, b"\n"
        for piece in self._read():
            n += piece.count(b"\n")
            last = piece[-1:]
        return n + (last != b"\n")

    def _after(self, ends):
        at = 0
        for piece in self._read():
            i = piece.find(b"\n")
            while i >= 0:
                ends -= 1
                if not ends:
                    return at + i + 1
                i = piece.find(b"\n", i + 1)
            at += len(piece)
        return at

    def _read(self):
        with open(self.path, "rb") as f:
            while True:
                piece = f.read(256)
                if not piece:
                    return
                yield piece

    def pieces(self):
        left = self.length
        with open(self.path, "rb") as f:
            f.seek(self.start)
            while left > 0:
                piece = f.read(min(512, left))
                if not piece:
                    return
                left -= len(piece)
                yield piece
