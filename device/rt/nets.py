# The networks of /wifi.json, at most 3: [{"ssid", "password", "new"?}], or one such object.
from rt import hal, conf

_nets = None
kept = True  # are they all on the flash?


def clean(nets):
    if isinstance(nets, dict):
        nets = [nets]
    if not isinstance(nets, list):
        return []
    nets = [w for w in nets if isinstance(w, dict) and w.get("ssid")]
    return [dict(w, ssid=str(w["ssid"]), password=str(w.get("password") or "")) for w in nets]


def known():
    global _nets
    if _nets is None:
        _nets = clean(conf.load("wifi.json"))
        if not _nets:  # as PythingsOS has it
            lines = [s.strip() for s in (hal.read("wifi") + "\n\n").split("\n")]
            _nets = clean({"ssid": lines[0], "password": lines[1]})
    return _nets


def keep(nets):
    global _nets, kept
    _nets = nets[:3]
    try:
        conf.save("wifi.json", _nets)
        kept = True
    except OSError:  # no room: it holds until the next start
        kept = False


def pair(w):
    return {"ssid": w["ssid"], "password": w.get("password") or ""}


def take(nets):
    "Networks from the server: those that are not known are tried next; what works stays."
    old = known()
    have = [pair(w) for w in old]
    new = [pair(w) for w in clean(nets) if pair(w) not in have]
    if new:
        keep([dict(w, new=1) for w in new[:2]] + old)
        from rt import net

        net.fresh = True


def first(w):
    "This one works: before all but new ones, without others of its name."
    rest = [o for o in known() if o["ssid"] != w["ssid"]]
    nets = [o for o in rest if o.get("new")] + [pair(w)] + [o for o in rest if not o.get("new")]
    if nets != known():
        keep(nets)
    if conf.get("wifi_failed") == w["ssid"]:
        conf.put("wifi_failed", None)
