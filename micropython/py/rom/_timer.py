# machine.Timer. The host calls _fire when one is due and the program waits.
import _host, sys
from time import ticks_add, ticks_diff, ticks_ms

_running = []


class Timer:
    ONE_SHOT = 0
    PERIODIC = 1

    def __init__(self, id=-1, **how):
        if how:
            self.init(**how)

    def init(self, *, mode=1, freq=-1, period=-1, callback=None):
        self.deinit()
        self._every = max(1, int(1000 / freq if freq > 0 else period))
        self._once = mode == 0
        self._callback = callback
        self._due = ticks_add(ticks_ms(), self._every)
        _running.append(self)
        _plan()

    def deinit(self):
        if self in _running:
            _running.remove(self)
            _plan()


def _plan():
    now = ticks_ms()
    _host.timer(float(min([ticks_diff(t._due, now) for t in _running])) if _running else -1.0)


def _fire():
    now = ticks_ms()
    for t in list(_running):
        if ticks_diff(t._due, now) > 0 or t not in _running:
            continue
        if t._once:
            _running.remove(t)
        else:
            t._due = ticks_add(now, t._every)
        if t._callback:
            try:
                t._callback(t)
            except Exception as e:
                sys.print_exception(e)
    _plan()


_host.bind("_timers", _fire)
