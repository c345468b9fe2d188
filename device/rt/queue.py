# What goes up, until Roost has it on its disk: at most 32 entries, each at a time of its own.
import json
from rt import hal

_MOST = const(32)
_LOGS = const(16)  # of these at most
_MERGE = const(10000)  # ms in which values go into one entry

# an entry: [time, 0 while unknown; kind; text of its JSON, or a dict of values; was it sent; ticks]


def clean(x, deep=8):  # what every JSON parser takes
    if x is None or isinstance(x, (bool, int, str)):
        return x
    if isinstance(x, float):
        return x if x - x == 0 else None  # not inf, not nan
    if isinstance(x, (bytes, bytearray)):
        try:
            return bytes(x).decode()
        except ValueError:
            return str(x)
    if deep and isinstance(x, dict):
        return {str(k): clean(v, deep - 1) for k, v in x.items()}
    if deep and isinstance(x, (list, tuple)):
        return [clean(v, deep - 1) for v in x]
    return str(x)


class Queue:
    def __init__(self, limit=2048):
        self.limit = limit  # bytes of one sync
        self.all = []
        self.last = 0  # the newest time given
        self.lost = 0

    def __len__(self):
        return len(self.all)

    def _time(self):
        t = hal.now()
        if t:
            t = self.last = max(t, self.last + 1)
        return t

    def put(self, kind, data):
        at = hal.ticks_ms()
        data = clean(data)
        if kind == "tele":
            e = self._open(at)
            if e:
                both = dict(e[2])
                both.update(data)
                if len(json.dumps(both)) <= self.limit:  # it is the newest again
                    self.all.remove(e)
                    return self.all.append([self._time(), kind, both, False, e[4]])
        text = json.dumps(data)
        if len(text) > self.limit:
            raise ValueError("%s of %d bytes: at most %d" % (kind, len(text), self.limit))
        self._room(kind)
        self.all.append([self._time(), kind, data if kind == "tele" else text, False, at])

    def _open(self, at):  # the entry that more values may go into
        for e in reversed(self.all):
            if e[3]:
                return None
            if e[1] == "tele":
                return e if hal.ticks_diff(at, e[4]) < _MERGE else None

    def _room(self, kind):
        if kind == "log" and len([1 for e in self.all if e[1] == "log"]) >= _LOGS:
            for i, e in enumerate(self.all):
                if e[1] == "log":
                    break
        elif len(self.all) >= _MOST:
            i = 0
        else:
            return
        del self.all[i]
        self.lost += 1

    def stamp(self):  # when the time has become known
        for e in self.all:
            if not e[0]:
                e[0] = self._time()
        self.all.sort(key=lambda e: e[0])

    def head(self):
        # What to send: the JSON of the oldest entries, and how many of these were sent before.
        out = []
        again = n = 0
        for e in self.all:
            text = e[2] if isinstance(e[2], str) else json.dumps(e[2])
            n += len(text) + 30
            if not e[0] or out and n > self.limit:
                break
            if e[3]:
                again += 1
            e[3] = True
            out.append('[%d,"%s",%s]' % (e[0], e[1], text))
        return "[" + ",".join(out) + "]", again

    def drop(self, upto):  # Roost has these; what was never sent it cannot have
        self.all = [e for e in self.all if not e[3] or e[0] > upto]
