# A line of Python, run for somebody far away. Names last until the next boot.
import io, sys
from rt.log import trace

MOST = 2000  # characters of output
_names = {"__name__": "shell"}


class _Out(io.IOBase):  # keeps the head of what is written, counts the rest
    def __init__(self):
        self.text = ""
        self.lost = 0

    def write(self, s):
        n = len(s)
        if not isinstance(s, str):
            s = "".join([chr(c) if c < 128 else "?" for c in bytes(s)])
        room = MOST - len(self.text)
        self.text += s[:room]
        self.lost += max(len(s) - room, 0)
        return n

    def readinto(self, b):
        return None

    def flush(self):
        pass


def _swap(out):
    # what libraries print comes, too, where that can be had; gives the way back
    try:
        from os import dupterm
    except ImportError:
        if sys.implementation.name == "micropython":
            return lambda: None
        old, sys.stdout = sys.stdout, out

        def back():
            sys.stdout = old

        return back
    old = dupterm(out)
    return lambda: dupterm(old)


def run(line):
    out = _Out()

    def show(*values, sep=" ", end="\n", file=None, flush=False):
        if file is None:
            out.write(sep.join([str(v) for v in values]) + end)
        else:
            print(*values, sep=sep, end=end, file=file)

    _names["print"] = show
    back = _swap(out)
    try:
        _run(line, out)
    except MemoryError:
        import gc

        gc.collect()
        out.write("MemoryError: there is not that much left\n")
    except (Exception, SystemExit) as e:
        out.write(trace(e))
    finally:
        back()
    if out.lost:
        out.text += "\n... and %d more" % out.lost
    return out.text


def _run(line, out):
    try:
        value = eval(line.strip(), _names)
    except SyntaxError:
        exec(line, _names)
        return
    if value is not None:
        _names["_"] = value
        out.write(repr(value) + "\n")
