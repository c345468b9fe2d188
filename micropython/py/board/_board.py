# What a board has set up before its own programs run.
import _host, builtins, gc, sys


class _GC:  # the VM's own figure is the host's memory, not a board's
    def __init__(self, heap):
        self._heap = heap

    def mem_free(self):
        return max(self._heap - gc.mem_alloc(), 0)

    def __getattr__(self, name):
        return getattr(gc, name)


sys.modules["gc"] = _GC(_host.heap())


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
_host.bind("_nothing", lambda: None)
