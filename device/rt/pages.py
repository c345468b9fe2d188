# What every board answers in its network, whatever its app is.
import json, os
from rt import commands, conf, hal
from rt.apps import platform
from rt.web import BODY, Fault, number

LOCAL = (".local", ".lan", ".internal", ".home", ".box")
LOGS = ("boot_log", "main_log_", "platform_log")


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


def files(path="", deep=3):
    found = []
    for name in sorted(os.listdir((hal.ROOT + path) or "/")):
        here = path + "/" + name
        try:
            folder = os.stat(hal.ROOT + here)[0] & 0x4000
            found += files(here, deep - 1) if folder and deep else [here[1:]]
        except OSError:
            pass
    return found


def logs():
    names = os.listdir(hal.ROOT or "/")
    return sorted([n for n in names if n.endswith(".txt") and any([n.startswith(l) for l in LOGS])])


def own(request):
    # no page of another site may do this through somebody's browser
    origin = request.headers.get("origin")
    if origin is None:
        return
    host = request.headers.get("host", "")
    name = host.split(":")[0]
    safe = "." not in name or name.replace(".", "").isdigit() or any([name.endswith(l) for l in LOCAL])
    if origin.split("://")[-1] != host or not safe:
        raise Fault(403, "A page of another site asks for this.")


def routes(apps, link):
    def about():
        app = apps.app
        version = conf.load("version")
        version = version.get("version") if isinstance(version, dict) else None
        return {
            "device_id": platform.device_id,
            "firmware": getattr(app, "FIRMWARE", None),
            "version": version or apps.ver,
        }

    def status(request):
        now, up = hal.now(), link.up
        a = about()
        a.update({
            "uptime_ms": up,
            "free_mem": hal.mem(),
            "rssi": hal.rssi(),
            "ip": hal.ip(),
            "boot_epoch": (now - up) // 1000 if now else 0,
        })  # fmt: skip
        for name, value in platform._telemetry.items():
            a.setdefault(name, value)
        return a

    def info(request):
        a = about()
        a.update({"mac": hal.uid(), "files": files(), "config": platform.get_config()})
        return a

    def config(request):
        return platform.get_config()

    def configure(request):
        own(request)
        more = request.json
        if not isinstance(more, dict):
            raise Fault(400, "The body is not an object.")
        c = platform.get_config()
        c.update(more)
        if len(json.dumps(c)) > 4 * BODY:
            raise Fault(413, "The configuration would be too large.")
        conf.save("config", c)
        return c

    def listed(request):
        return {"logs": logs()}

    def lines(request):
        name = request.path[6:]
        if name not in logs():
            raise Fault(404, "There is no such log.")
        return Tail(hal.ROOT + "/" + name, number(request.args.get("lines", "0"), "lines"))

    def identify(request):
        own(request)
        return {"ok": True, "shown": commands.identify()}

    def restart(request):
        own(request)
        return {"ok": True, "text": commands.restart()}

    def reset(request):
        own(request)
        return {"ok": True, "text": commands.factory_reset()}

    def endpoints(request):
        own = [{"method": m, "path": p.replace("*", "<name>")} for m, p, _ in mine]
        return {"platform": own, "app": [{"method": m, "path": p} for m, p, _ in platform._routes]}

    mine = [
        ("GET", "/status", status),
        ("GET", "/info", info),
        ("GET", "/config", config),
        ("POST", "/config", configure),
        ("GET", "/logs", listed),
        ("GET", "/logs/*", lines),
        ("GET", "/endpoints", endpoints),
        ("POST", "/identify", identify),
        ("POST", "/restart", restart),
        ("POST", "/factory-reset", reset),
    ]
    return mine
