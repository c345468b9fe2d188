# What a board has set up before its own programs run.
import _host, builtins, gc, sys


class _GC:  # the VM's own figures are the host's memory, not a board's
    def __init__(self, heap):
        self._heap = self._live = heap
        self._base = 0

    def mem_alloc(self):
        return gc.mem_alloc() - self._base

    def mem_free(self):
        n = self._heap - self.mem_alloc()
        return n if n > 0 else max(self._heap - self._live, 0)  # a board would have collected garbage

    def __getattr__(self, name):
        return getattr(gc, name)


_gc = sys.modules["gc"] = _GC(_host.heap())


def _input(prompt=""):
    print(prompt, end="")
    line = ""
    while True:
        c = sys.stdin.read(1)
        if c in "\r\n" and c:
            print()
            return line
        if not c:
            raise EOFError
        print(c, end="")
        line += c


builtins.input = _input


def _live():  # after a collection
    _gc._live = _gc.mem_alloc()
    return _gc._live


_host.bind("_nothing", lambda: None)
_host.bind("_collect", gc.collect)
_host.bind("_live", _live)
