# What an app talks to: report, routes, resources, settings, messages. It stands
# in front of the built-in module of this name and gives its names, too.
from rt import hal as _hal
from rt.queue import clean  # what JSON cannot say becomes text or null

try:
    import uplatform as _b
except ImportError:
    _b = None if _hal.MICRO else _hal.pc.builtin()
_n = None
for _n in dir(_b):
    if _n[0] != "_":
        globals()[_n] = getattr(_b, _n)
del _hal, _b, _n

device_id = None  # from Roost
_telemetry = {}  # what the app reported last, by name
_routes = []  # (method, path, handler) of the app
_resources = {}  # name: (get, set)
_message = None  # what answers messages
_hold = False  # no update now
_beat = 300000  # ms from one heartbeat to the next
_put = None  # the way to Roost: put(kind, data)
_changed = None  # is called when there is a new resource


def report(**values):
    _telemetry.update(values)


def register_routes(routes):
    for method, path, handler in routes:
        _routes.append((method.upper(), path, handler))


def get_config():
    from rt import conf

    c = conf.load("config")
    return c if isinstance(c, dict) else {}


def setting(name, default=None):
    from rt import conf

    return conf.get(name, default)


def log(msg):
    import os
    from rt import hal, log

    log.info(msg)
    name = hal.ROOT + "/platform_log.txt"
    try:
        with open(name, "a") as f:
            f.write("%d %s\n" % (hal.now() // 1000, str(msg)[:300]))
        if os.stat(name)[6] > 4096:
            os.rename(name, hal.ROOT + "/platform_log_1.txt")
    except (OSError, ValueError):
        pass


def set_heartbeat_interval(ms):
    global _beat
    _beat = max(int(ms), 1000)


def on_message(fn):
    global _message
    _message = fn
    return fn  # so that it can be a decorator


def send(obj):
    if _put:
        _put("msg", obj)


def resource(name, get=None, set=None):
    _resources[name] = (get, set)
    if _changed:
        _changed()


def ota_hold(on=True):
    global _hold
    _hold = bool(on)


async def start(app=None):
    # for the main.py of older apps; all that it did is done already
    return device_id
