# What every board answers in its network, whatever its app is.
import json, os
from rt import conf, hal
from rt.apps import platform
from rt.serve import BODY, Fault

LOCAL = (".local", ".lan", ".internal", ".home", ".box")


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


def orders():
    from rt import commands

    return commands


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
        now, up = hal.now(), hal.up()
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

    def logs(request):
        from rt import logs

        return logs.page(request)

    def identify(request):
        own(request)
        return {"ok": True, "shown": orders().identify()}

    def restart(request):
        own(request)
        return {"ok": True, "text": orders().restart()}

    def reset(request):
        own(request)
        return {"ok": True, "text": orders().factory_reset()}

    def endpoints(request):
        own = [{"method": m, "path": p.replace("*", "<name>")} for m, p, _ in mine]
        return {"platform": own, "app": [{"method": m, "path": p} for m, p, _ in platform._routes]}

    mine = [
        ("GET", "/status", status),
        ("GET", "/info", info),
        ("GET", "/config", config),
        ("POST", "/config", configure),
        ("GET", "/logs", logs),
        ("GET", "/logs/*", logs),
        ("GET", "/endpoints", endpoints),
        ("POST", "/identify", identify),
        ("POST", "/restart", restart),
        ("POST", "/factory-reset", reset),
    ]
    return mine
