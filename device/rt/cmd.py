# The Web Setup protocol of PythingsOS, as its pages speak it: GET /?cmd=…
from binascii import hexlify
from rt import hal, conf, air, nets, wifi


def stored():
    w = nets.known()
    return w[0]["ssid"] if w else None


async def check(f):
    import rt

    about = {"status": "OK", "tid": hal.uid().upper(), "platform": hal.PLATFORM, "essid": stored()}
    about.update({"version": "roost " + rt.VERSION, "aid": conf.get("aid"), "apn": conf.get("apn")})
    return about


async def setting(f):
    name = f["cmd"][4:]
    name = "aid" if name == "app" else name
    if name not in f:
        return {"status": "ERROR"}
    conf.put(name, f[name])
    return {"status": "OK", name: conf.get(name)}


async def scan(f):
    return [[air.text(n[0]), hexlify(n[1]).decode(), n[2], n[3], n[4], bool(n[5])] for n in air.scan(True)]


async def join(f):
    if not f.get("essid") or "password" not in f:
        return {"status": "ERROR"}
    good = await air.join({"ssid": f["essid"], "password": f["password"]})
    return {"status": "OK", "isconnected": good, "essid": f["essid"], "saved": good}


async def check_wifi(f):
    w = nets.known()
    good = bool(w) and air.state["state"] != "trying" and await wifi.attempt(w[0], 25000)
    return {"status": "OK", "isconnected": good, "essid": stored()}


async def close(f):
    air.ending()
    return {"status": "OK"}


async def answer(f):
    "What goes out as JSON; None: nothing."
    do = {"set_app": setting, "set_apn": setting}
    for g in (check, scan, join, check_wifi, close):
        do[g.__name__] = g
    do = do.get(f["cmd"])
    return await do(f) if do else None
