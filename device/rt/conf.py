# Small JSON files, and settings: settings.json over the files that PythingsOS keeps.
import json, os
from rt import hal

_set = None
_old = ("aid", "tid", "backend", "pool", "loglevel", "setup_timeout", "apn")


def _path(name):
    return hal.ROOT + "/" + (name if "." in name or "/" in name else name + ".json")


def load(name):
    try:
        with open(_path(name)) as f:
            x = json.load(f)
        return x if isinstance(x, dict) or isinstance(x, list) and name[:3] != "_s/" else {}
    except (OSError, ValueError, MemoryError, RuntimeError):
        return {}


def save(name, obj):  # whole or not at all
    name = _path(name)
    try:
        _write(name, obj)
    except OSError:
        d = name[: name.rfind("/")]
        os.mkdir(d)
        _write(name, obj)


def keep(name, obj):  # where the flash is full there is no harm in it
    try:
        save(name, obj)
    except OSError:
        pass


def _write(name, obj):
    with open(name + ".n", "w") as f:
        f.write(json.dumps(obj))
    os.rename(name + ".n", name)


def drop(name):
    try:
        os.remove(_path(name))
    except OSError:
        pass


def _settings():
    global _set
    if _set is None:
        _set = load("settings.json")
        if not isinstance(_set, dict):
            _set = {}
    return _set


def get(key, default=None):
    s = _settings()
    if s.get(key) is not None:
        return s[key]
    if key in _old:
        line = hal.read(key).split("\n")[0].strip()
        if line:
            return line
    return default


def num(key, default, least=0, most=500000):  # a whole number, however it is written; ticks hold so many s
    try:
        return min(max(int(get(key, default)), least), most)
    except (ValueError, TypeError, OverflowError):
        return default


def put(key, value):  # None takes it away
    s = _settings()
    if s.get(key) == value:
        return
    if value is None:
        s.pop(key, None)
    else:
        s[key] = value
    save("settings.json", s)


def adopt(tag, v):
    # What the server sets: what it set before and sets no more goes, what we do not know stays.
    global _set
    s = _settings()
    old = s.get("_of")
    old = old if isinstance(old, list) else ()
    new = {k: s[k] for k in s if k not in old}
    of = [k for k in v if k not in ("wifi", "server") and k[:1] != "_"]
    new.update({k: v[k] for k in of})
    new["_of"] = of
    new["_tag"] = tag
    _set = new
    keep("settings.json", new)
