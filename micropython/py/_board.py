# What PythingsOS does with an app: imports its tasks once, keeps their
# instances, calls them. Results go out as JSON, exceptions as class and traceback.
import _host, gc, io, json, sys


class _GC:  # the VM's own figure is the host's memory, not a board's
    def __init__(self, heap):
        self._heap = heap

    def mem_free(self):
        return max(self._heap - gc.mem_alloc(), 0)

    def __getattr__(self, name):
        return getattr(gc, name)


sys.modules["gc"] = _GC(_host.heap())

_tasks = {}
_broken = {}


def trace(e):
    s = io.StringIO()
    sys.print_exception(e, s)
    lines = s.getvalue().split("\n")
    return "\n".join([line for line in lines if "/_board.py" not in line])


def fault(e):
    return "E%s\x04%s" % (type(e).__name__, trace(e))


def _make(part, name, old):
    m = __import__(part)
    c = getattr(m, name, None)
    if c is None and hasattr(m, old):
        from env import chronos

        t = getattr(m, old)(chronos)  # as apps were before 1.0
        return lambda *data: t.call(chronos, *data)
    if c is None:
        raise AttributeError("'%s' has no class %s" % (part, name))
    return c().call


# What must not allocate, because there is nothing left: control goes back to
# the host, where garbage is collected, and explain() is called next.
_full = None


def load(part, name):
    global _full
    try:
        _tasks[part] = _make(part, name, part)
        return
    except MemoryError as e:
        _full = e
        return "M"
    except Exception as e:
        _broken[part] = fault(e)
        return _broken[part]


def _call(part, *data):
    global _full
    if part in _broken:
        return _broken[part]
    try:
        result = _tasks[part](*data)
        return "" if result is None else "J" + json.dumps(result)
    except MemoryError as e:
        _full = e
        return "M"
    except Exception as e:
        return fault(e)


def worker():
    return _call("worker_task")


def management(data):
    return _call("management_task", json.loads(data) if data else None)


def shell(source):
    global _full
    try:
        exec(source, {"__name__": "shell"})
    except MemoryError as e:
        _full = e
        return "M"
    except Exception as e:
        print(trace(e), end="")


def explain():
    global _full
    e = _full
    _full = None
    return fault(e)


for f in (load, worker, management, shell, explain):
    _host.bind(f.__name__, f)
